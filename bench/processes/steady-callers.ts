/**
 * An application that calls the API with the tokens of many connections, one after the other, at a
 * steady pace: told `go`, it begins; asked again, it ends and says how its calls were answered.
 */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { createTokenSource } from '../../src/tokens/index.js';

const variable = (name: string): string => process.env[name] ?? '';
const ids = Array.from(
  { length: Number(variable('BENCH_CONNECTIONS')) },
  (_, index) => `${variable('BENCH_PREFIX')}${index}`,
);
const everyMs = 1_000 / Number(variable('BENCH_CALLS_PER_SECOND'));

const connection = await Connection.connect({ address: variable('TEMPORAL_ADDRESS') });
const tokens = createTokenSource({
  mongodb: variable('MONGODB_URI'),
  keys: variable('OAUTH_TOKENS_KEYS_FILE'),
  client: new Client({ connection }),
  network: 'loopback',
});
const counts = { calls: 0, served: 0, failed: 0 };
let ending = false;

async function call(index: number): Promise<void> {
  counts.calls += 1;
  try {
    const response = await tokens.fetch(ids[index % ids.length] ?? '', variable('BENCH_API_URL'));
    await response.text();
    if (response.status === 200) counts.served += 1;
  } catch {
    counts.failed += 1;
  }
}

async function callSteadily(): Promise<void> {
  const startedAt = performance.now();
  const running = new Set<Promise<void>>();
  // 7919 is a prime: neighbours are not called after each other.
  for (let turn = 0; !ending; turn += 1) {
    const one = call(turn * 7_919).finally(() => running.delete(one));
    running.add(one);
    await sleep(Math.max(startedAt + turn * everyMs - performance.now(), 0));
  }
  await Promise.all(running);
}

process.stdout.write('callers ready\n');
let calling: Promise<void> | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'go') {
    calling = callSteadily();
    process.stdout.write('going\n');
  } else {
    ending = true;
    await calling;
    process.stdout.write(`${JSON.stringify(counts)}\n`);
  }
}
