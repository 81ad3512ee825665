/** What the demo shows after the last call: totals, the sealed record, the search, the links. */
import type { TokenDocument } from '../../src/store/index.js';
import { searchHistories } from './leak-search.js';
import { fact, headline, line, paint } from './print.js';
import type { DemoSystem } from './system.js';

/** Shows everything; throws when a secret is found in a history. */
export async function epilogue(system: DemoSystem, workflowId: string): Promise<void> {
  totals(system);
  await sealedRecord(system);
  await search(system);
  await links(system, workflowId);
}

function totals({ api, authorizationServer }: DemoSystem): void {
  const { byStatus } = api.counts();
  headline('Totals');
  const served = byStatus[200] ?? 0;
  const requests = authorizationServer.countTokenRequests();
  line(`  ${paint('bold', `${served} API calls, ${requests} token requests`)}`);
  line(
    `  ${byStatus[401] ?? 0} call was refused with 401 and sent again; the workflow saw none of it`,
  );
}

async function sealedRecord({ mongo }: DemoSystem): Promise<void> {
  const record = await mongo
    .db()
    .collection<TokenDocument>('tokens')
    .findOne({ _id: 'superservice' });
  headline('The token as it lies in MongoDB');
  if (record === null) return;
  const { _id, epoch, generation, state, expiresAt, kids, access } = record;
  const shown = { _id, epoch, generation, state, expiresAt, kids, access };
  const text = JSON.stringify(shown, null, 2).replace(
    /"([A-Za-z0-9_-]{24})[A-Za-z0-9_-]+"/g,
    '"$1…"',
  );
  for (const row of text.split('\n')) line(`  ${row}`);
}

async function search({ client, authorizationServer, clientSecret }: DemoSystem): Promise<void> {
  const tokens = authorizationServer.everIssued();
  const report = await searchHistories(client, [clientSecret, ...tokens]);
  headline('The search for secrets');
  line(`  1 client secret and ${tokens.length} access tokens, searched for in`);
  line(`  ${report.histories} workflow histories, ${report.events} events, ${report.bytes} bytes`);
  if (report.found.length > 0) throw new Error(`A secret stands in ${report.found.join(', ')}.`);
  line(`  ${paint('green', 'found: none')}`);
}

async function links(system: DemoSystem, workflowId: string): Promise<void> {
  const { uiUrl, namespace } = system.temporal;
  if (uiUrl === null) return;
  headline('Look at it in the Temporal UI');
  const link = async (id: string): Promise<string> => {
    const { runId } = await system.client.workflow.getHandle(id).describe();
    return `${uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(id)}/${runId}`;
  };
  const lifecycle = await link('oauth-token/superservice');
  fact('the token lifecycle', `${lifecycle}/history`);
  fact('', 'each refresh is one activity; open one: its result is a token ref, not a token');
  fact('its current details', `${lifecycle}/user-metadata`);
  fact('', 'state, generation, expiry and the next refresh, live');
  fact('the workflow', `${await link(workflowId)}/history`);
  fact('', 'the call after the revocation looks like every other');
  fact(
    'all connections',
    `${uiUrl}/namespaces/${namespace}/workflows?query=${encodeURIComponent('WorkflowType="tokenLifecycle"')}`,
  );
  fact(
    '',
    'add AND (OAuthTokenState != "active" OR OAuthFailureType IS NOT NULL) for those in trouble',
  );
}
