/**
 * A process of callers. Told by a line of JSON what to ask for, it asks that often at once, each time
 * with nothing in memory, and answers with a line: who was served, and how long each waited.
 */
import { createInterface } from 'node:readline';
import { Client, Connection } from '@temporalio/client';
import { MongoClient } from 'mongodb';
import { createFileKeyProvider } from '../../src/store/index.js';
import { createTokenSource } from '../../src/tokens/index.js';
import { LockedTokens, type LockedConnection } from '../baselines/locked-tokens.js';

/** What is asked for. */
export interface CallersInput extends LockedConnection {
  way: 'package' | 'lock';
  callers: number;
}

/** What came back. */
export interface CallersReport {
  served: number;
  failures: string[];
  waitsMs: number[];
}

const variable = (name: string): string => process.env[name] ?? '';

const connection = await Connection.connect({ address: variable('TEMPORAL_ADDRESS') });
const client = new Client({ connection });
const mongodb = await new MongoClient(variable('MONGODB_URI')).connect();
const keys = createFileKeyProvider(variable('OAUTH_TOKENS_KEYS_FILE'));
const locked = new LockedTokens(mongodb);

async function ask(input: CallersInput): Promise<CallersReport> {
  const taskQueue = variable('OAUTH_TOKENS_TASK_QUEUE');
  const tokens = createTokenSource({ mongodb, keys, client, taskQueue, network: 'loopback' });
  const get =
    input.way === 'package'
      ? () => tokens.getAccessToken(input.connectionId)
      : () => locked.getAccessToken(input);
  const report: CallersReport = { served: 0, failures: [], waitsMs: [] };
  const startedAt = performance.now();
  const caller = async (): Promise<void> => {
    try {
      await get();
      report.served += 1;
    } catch (error) {
      report.failures.push((error as { type?: string }).type ?? String(error));
    }
    report.waitsMs.push(performance.now() - startedAt);
  };
  await Promise.all(Array.from({ length: input.callers }, caller));
  await tokens.close();
  return report;
}

process.stdout.write('callers ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await ask(JSON.parse(line) as CallersInput))}\n`);
}
