/** The demo's connect page, with an account that nobody has connected yet. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { MongoClient } from 'mongodb';
import { onExit } from '../servers/lifetime.js';
import { startMongodb } from '../servers/mongodb.js';
import { freePort } from '../servers/ports.js';
import { startTemporal } from '../servers/temporal.js';
import { startAuthorizationServer } from '../system/authorization-server.js';
import { startSuperserviceApi } from '../system/superservice-api.js';
import { fact, headline, line, paint } from './print.js';
import { oauthTokens, startConnectPage, startTokenWorker } from './processes.js';
import { withDatabase } from './system.js';

/** The account of the demo. */
export const CONNECTION_ID = 'ada-calendar';
const CLIENT_ID = 'client_id_123';
const SCOPE = 'openid offline_access calendar:read';

export type ConnectDemoSystem = Awaited<ReturnType<typeof startConnectDemo>>;

/** Starts everything, registers the connection and serves the page. */
export async function startConnectDemo() {
  headline('A little system, all of it real');
  const progress = (text: string): void => line(paint('dim', `  ${text}`));
  const searchAttributes = ['OAuthTokenState', 'OAuthFailureType'];
  const temporal = await startTemporal({ ui: true, progress, searchAttributes });
  const mongodb = await startMongodb({ progress });
  const mongodbUri = mongodb.external ? mongodb.uri : withDatabase(mongodb.uri, 'oauth_tokens');
  const clientSecret = `secret-${randomBytes(18).toString('base64url')}`;
  const authorizationServer = await startAuthorizationServer({
    clients: [
      {
        ...{ clientId: CLIENT_ID, clientSecret, scope: SCOPE },
        grantTypes: ['authorization_code', 'refresh_token'],
        redirectUris: ['http://127.0.0.1/callback'],
      },
    ],
  });
  onExit(() => authorizationServer.stop());
  const { introspectionEndpoint, resourceServerClient, issuer } = authorizationServer;
  const api = await startSuperserviceApi({ introspectionEndpoint, ...resourceServerClient });
  onExit(() => api.stop());
  fact('Temporal', temporal.uiUrl ?? temporal.address);
  fact('authorization server', `${issuer}, whoever gives a name is that account`);

  const folder = await mkdtemp(join(tmpdir(), 'oauth-tokens-demo-'));
  onExit(() => rm(folder, { recursive: true, force: true }));
  const keysFile = join(folder, 'keys.json');
  const connectionFile = join(folder, `${CONNECTION_ID}.json`);
  const connection = {
    connectionId: CONNECTION_ID,
    authorizationServer: { issuer },
    client: {
      ...{ clientId: CLIENT_ID, authentication: 'client_secret_basic' },
      clientSecret: { env: 'CALENDAR_CLIENT_SECRET' },
    },
    grant: {
      ...{ grantType: 'authorization_code', scope: SCOPE },
      authorizationParameters: { prompt: 'consent' },
    },
    api: { allowedOrigins: [api.origin] },
  };
  await writeFile(connectionFile, JSON.stringify(connection, null, 2));
  const port = await freePort();
  const operatorToken = randomBytes(24).toString('base64url');
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    MONGODB_URI: mongodbUri,
    OAUTH_TOKENS_KEYS_FILE: keysFile,
    OAUTH_TOKENS_NETWORK: 'loopback',
    OAUTH_TOKENS_SEARCH_ATTRIBUTES: 'true',
    OAUTH_TOKENS_CONNECT_URL: `http://127.0.0.1:${port}`,
    OAUTH_TOKENS_CONNECT_TOKEN: operatorToken,
    LOG_LEVEL: 'error',
    ...(temporal.uiUrl === null ? {} : { OAUTH_TOKENS_UI_URL: temporal.uiUrl }),
  };

  headline('What a team does once');
  await oauthTokens(['keys', 'generate', keysFile], environment);
  line(`    ${paint('dim', await startTokenWorker(environment))}`);
  const registering = { ...environment, CALENDAR_CLIENT_SECRET: clientSecret };
  await oauthTokens(['connection', 'put', '-f', connectionFile], registering);
  line(`    ${paint('dim', await startConnectPage(port, environment))}`);

  const toTemporal = await Connection.connect({ address: temporal.address });
  onExit(() => toTemporal.close());
  const client = new Client({ connection: toTemporal, namespace: temporal.namespace });
  const mongo = new MongoClient(mongodbUri);
  onExit(() => mongo.close());
  return {
    ...{ temporal, authorizationServer, api, client, mongo, clientSecret, environment },
    ...{ operatorToken, taskQueue: environment['OAUTH_TOKENS_TASK_QUEUE'] ?? 'oauth-tokens' },
  };
}
