/** `npm run demo -- --connect`: a workflow waits for an account until a person has connected it. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenRef } from '../../src/contract/messages.js';
import { startConnectDemo, CONNECTION_ID, type ConnectDemoSystem } from './connect-system.js';
import { searchHistories } from './leak-search.js';
import { fact, headline, line, paint } from './print.js';
import { oauthTokens } from './processes.js';
import { scriptedPerson } from './scripted-person.js';

const WORKFLOW_ID = 'waits-for-ada';
const WEEK_MS = 7 * 86_400_000;
const LOOK_MS = 200;

/**
 * Shows the person's half.
 *
 * @param once - a scripted person clicks, and it ends by itself
 */
export async function connectDemo(once: boolean, stopping: AbortSignal): Promise<void> {
  const system = await startConnectDemo();
  const handle = await parkWorkflow(system);
  const link = await makeLink(system, { once, runId: handle.firstExecutionRunId });
  if (once) await scriptedPerson(link, (text) => line(`  ${paint('cyan', '▸')} ${text}`));
  const token = await untilConnected(handle.result() as Promise<TokenRef>, stopping);
  if (token === null) return;
  const { epoch, generation } = token;
  line(`  ${paint('green', '▸')} the workflow goes on: epoch ${epoch}, generation ${generation}`);
  headline('The account is used');
  await oauthTokens(
    ['call', CONNECTION_ID, 'GET', `${system.api.origin}/v1/things`],
    system.environment,
  );
  await searchForSecrets(system);
  if (!once) await stayUntilStopped(stopping);
  line();
}

/** A workflow that needs the account, and waits for its person as long as it takes. */
async function parkWorkflow({ client, mongo, taskQueue }: ConnectDemoSystem) {
  headline('A workflow needs an account that nobody has connected');
  const handle = await client.workflow.start('ensureAccessToken', {
    ...{ taskQueue, workflowId: WORKFLOW_ID },
    args: [{ connectionId: CONNECTION_ID, onReauthorization: 'wait', timeoutMs: WEEK_MS }],
    staticSummary: 'waits until a person has connected the account',
  });
  const parked = mongo.db().collection('parked');
  while ((await parked.countDocuments({ connectionId: CONNECTION_ID })) === 0) await sleep(LOOK_MS);
  line(`  ${paint('yellow', '▸')} ${WORKFLOW_ID} is parked: no worker is kept busy by it`);
  return handle;
}

async function makeLink(
  system: ConnectDemoSystem,
  { once, runId }: { once: boolean; runId: string },
): Promise<string> {
  const { environment, operatorToken, temporal } = system;
  headline('A person is asked');
  const argv = ['connection', 'link', CONNECTION_ID, '--from', 'The demo'];
  const [link = ''] = (await oauthTokens(argv, environment)).split('\n');
  fact('the overview', `${environment['OAUTH_TOKENS_CONNECT_URL'] ?? ''}/overview`);
  fact("operators' token", operatorToken);
  if (temporal.uiUrl !== null) {
    const { namespace, uiUrl } = temporal;
    fact(
      'the workflow',
      `${uiUrl}/namespaces/${namespace}/workflows/${WORKFLOW_ID}/${runId}/history`,
    );
  }
  if (!once) line(`  ${paint('bold', 'Open the link above, and connect.')} The workflow waits.`);
  return link;
}

/** Null: somebody pressed Ctrl-C first. */
async function untilConnected(
  result: Promise<TokenRef>,
  stopping: AbortSignal,
): Promise<TokenRef | null> {
  const stopped = stopping.aborted ? Promise.resolve() : once(stopping, 'abort');
  return Promise.race([result, stopped.then(() => null)]);
}

async function searchForSecrets(system: ConnectDemoSystem): Promise<void> {
  const { client, authorizationServer, clientSecret } = system;
  const secrets = [clientSecret, ...authorizationServer.everIssued()];
  const report = await searchHistories(client, secrets);
  headline('The search for secrets');
  line(`  ${secrets.length} secrets (client secret, code, tokens), searched for in`);
  line(`  ${report.histories} workflow histories, ${report.events} events, ${report.bytes} bytes`);
  if (report.found.length > 0) throw new Error(`A secret stands in ${report.found.join(', ')}.`);
  line(`  ${paint('green', 'found: none')}`);
}

async function stayUntilStopped(stopping: AbortSignal): Promise<void> {
  headline('Everything stays up until Ctrl-C');
  line('  Disconnect on the page, and look at the overview.');
  if (!stopping.aborted) await once(stopping, 'abort');
}
