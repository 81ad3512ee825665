import type { Client } from '@temporalio/client';

/** What a search for secrets found. */
export interface LeakReport {
  histories: number;
  events: number;
  bytes: number;
  /** Names of the histories in which a secret stands. */
  found: string[];
}

/**
 * Searches every event of every workflow history in the namespace for secrets: texts and payloads,
 * as they are and as base64.
 */
export async function searchHistories(client: Client, secrets: string[]): Promise<LeakReport> {
  const needles = secrets.flatMap((secret) => [
    secret,
    Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -1),
  ]);
  const report: LeakReport = { histories: 0, events: 0, bytes: 0, found: [] };
  for await (const { workflowId, runId } of client.workflow.list()) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const texts: string[] = [];
    collectTexts(history, texts);
    const text = texts.join('\n');
    report.histories += 1;
    report.events += history.events?.length ?? 0;
    report.bytes += Buffer.byteLength(text);
    if (needles.some((needle) => text.includes(needle))) report.found.push(workflowId);
  }
  return report;
}

/** Every text and every payload inside a history. */
function collectTexts(value: unknown, into: string[]): void {
  if (typeof value === 'string') into.push(value);
  else if (value instanceof Uint8Array) into.push(Buffer.from(value).toString('utf8'));
  else if (Array.isArray(value)) for (const item of value) collectTexts(item, into);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      into.push(name);
      collectTexts(member, into);
    }
  }
}
