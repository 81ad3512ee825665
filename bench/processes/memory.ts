/** Fills a token source's memory and says how much heap that took. Runs with `--expose-gc`. */
import { createTokenSource } from '../../src/tokens/index.js';

const variable = (name: string): string => process.env[name] ?? '';
const count = Number(variable('BENCH_CONNECTIONS'));
const tokens = createTokenSource({
  mongodb: variable('MONGODB_URI'),
  keys: variable('OAUTH_TOKENS_KEYS_FILE'),
  network: 'loopback',
  maxEntries: count + 1,
});

/** What is still in use, in bytes. */
async function heapUsed(): Promise<number> {
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed: heap, arrayBuffers } = process.memoryUsage();
  return heap + arrayBuffers;
}

// One first: it loads and opens what every process has once.
await tokens.getAccessToken(`${variable('BENCH_PREFIX')}0`);
const before = await heapUsed();
for (let index = 1; index <= count; index += 1) {
  await tokens.getAccessToken(`${variable('BENCH_PREFIX')}${index}`);
}
const after = await heapUsed();
process.stdout.write(`ready ${(after - before) / count}\n`);
await tokens.close();
