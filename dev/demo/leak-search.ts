import type { Client } from '@temporalio/client';
import { textsOf } from '../../src/known-secrets.js';
import { searchForSecrets } from '../../src/testing/index.js';

/** What a search for secrets found. */
export interface LeakReport {
  histories: number;
  events: number;
  bytes: number;
  /** Names of the histories in which a secret stands. */
  found: string[];
}

/** Searches every event of every workflow history in the namespace for secrets. */
export async function searchHistories(client: Client, secrets: string[]): Promise<LeakReport> {
  const report: LeakReport = { histories: 0, events: 0, bytes: 0, found: [] };
  for await (const { workflowId, runId } of client.workflow.list()) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    report.histories += 1;
    report.events += history.events?.length ?? 0;
    for (const { text } of textsOf(history)) report.bytes += Buffer.byteLength(text);
    if (searchForSecrets(history, secrets).length > 0) report.found.push(workflowId);
  }
  return report;
}
