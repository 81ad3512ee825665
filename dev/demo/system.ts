/** The little system of the demo: real servers, an authorization server, an API, two workers. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { MongoClient } from 'mongodb';
import { onExit } from '../servers/lifetime.js';
import { startMongodb } from '../servers/mongodb.js';
import { startTemporal } from '../servers/temporal.js';
import { startAuthorizationServer } from '../system/authorization-server.js';
import { startSuperserviceApi } from '../system/superservice-api.js';
import { fact, headline, line, paint } from './print.js';
import { oauthTokens, startApplication, startTokenWorker } from './processes.js';

const CLIENT_ID = 'client_id_123';
const TOKEN_LIFETIME_SECONDS = 20;

export type DemoSystem = Awaited<ReturnType<typeof startSystem>>;

/** Starts everything and registers the connection through the command line. */
export async function startSystem() {
  headline('A little system, all of it real');
  const progress = (text: string): void => line(paint('dim', `  ${text}`));
  const temporal = await startTemporal({
    ...{ ui: true, progress, searchAttributes: ['OAuthTokenState', 'OAuthFailureType'] },
  });
  fact('Temporal', temporal.address);
  if (temporal.uiUrl !== null) fact('Temporal UI', temporal.uiUrl);
  const mongodb = await startMongodb({ progress });
  const mongodbUri = mongodb.external ? mongodb.uri : withDatabase(mongodb.uri, 'oauth_tokens');
  fact('MongoDB', mongodbUri);
  const clientSecret = `secret-${randomBytes(18).toString('base64url')}`;
  const authorizationServer = await startAuthorizationServer({
    clients: [
      {
        ...{ clientId: CLIENT_ID, clientSecret, scope: 'read write' },
        authentication: 'client_secret_post',
      },
    ],
    accessTokenTtlSeconds: TOKEN_LIFETIME_SECONDS,
  });
  onExit(() => authorizationServer.stop());
  fact(
    'authorization server',
    `${authorizationServer.issuer}, tokens live ${TOKEN_LIFETIME_SECONDS} s`,
  );
  const { introspectionEndpoint, resourceServerClient } = authorizationServer;
  const api = await startSuperserviceApi({ introspectionEndpoint, ...resourceServerClient });
  onExit(() => api.stop());
  fact('SuperService API', `${api.origin}, checks every token with the authorization server`);

  const folder = await mkdtemp(join(tmpdir(), 'oauth-tokens-demo-'));
  onExit(() => rm(folder, { recursive: true, force: true }));
  const keysFile = join(folder, 'keys.json');
  const accessKeysFile = join(folder, 'access-keys.json');
  const connectionFile = join(folder, 'superservice.json');
  await writeFile(
    connectionFile,
    await connectionFor(authorizationServer.tokenEndpoint, api.origin),
  );
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    MONGODB_URI: mongodbUri,
    OAUTH_TOKENS_KEYS_FILE: keysFile,
    OAUTH_TOKENS_NETWORK: 'loopback',
    OAUTH_TOKENS_SEARCH_ATTRIBUTES: 'true',
    LOG_LEVEL: 'error',
    ...(temporal.uiUrl === null ? {} : { OAUTH_TOKENS_UI_URL: temporal.uiUrl }),
  };

  headline('What a team does once');
  await oauthTokens(['keys', 'generate', keysFile], environment);
  await oauthTokens(['keys', 'export', '--access', accessKeysFile], environment);
  line(`    ${paint('dim', await startTokenWorker(environment))}`);
  await oauthTokens(['connection', 'put', '-f', connectionFile], {
    ...environment,
    SUPERSERVICE_CLIENT_SECRET: clientSecret,
  });
  const application = {
    ...environment,
    ACCESS_KEYS_FILE: accessKeysFile,
    SUPERSERVICE_ORIGIN: api.origin,
  };
  line(`  ${paint('dim', '$')} ${paint('cyan', 'npx tsx examples/superservice/worker.ts')}`);
  line(`    ${paint('dim', await startApplication(application))}`);

  const connection = await Connection.connect({ address: temporal.address });
  onExit(() => connection.close());
  const client = new Client({ connection, namespace: temporal.namespace });
  const mongo = new MongoClient(mongodbUri);
  onExit(() => mongo.close());
  return { ...{ temporal, authorizationServer, api, client, mongo, clientSecret, environment } };
}

/** The example's connection file with this system's addresses. */
async function connectionFor(tokenEndpoint: string, origin: string): Promise<string> {
  const example = new URL('../../examples/superservice/connection.json', import.meta.url);
  const file = JSON.parse(await readFile(example, 'utf8')) as Record<string, unknown>;
  file['authorizationServer'] = { tokenEndpoint };
  file['api'] = { allowedOrigins: [origin] };
  return JSON.stringify(file, null, 2);
}

/** The URI of another database on the same server. */
export function withDatabase(uri: string, database: string): string {
  const url = new URL(uri);
  url.pathname = `/${database}`;
  return url.href;
}
