/** What a cached token takes in memory, beyond its own text. */
import { randomBytes } from 'node:crypto';
import type { Bench } from './bench.js';
import { emptyResult } from './result.js';
import { measureRounds, valuesOf } from './rounds.js';
import { median } from './statistics.js';
import { startChild } from './world/child.js';
import { seed } from './world/seed.js';

const CELL = '10,000 tokens of 1 kB';
const SUBJECT = 'bytes per token beyond its text';
const TOKEN_LENGTH = 1_000;

/** Memory. */
export const memory: Bench = {
  name: 'memory',
  async run({ quick, world }) {
    const result = emptyResult('memory');
    const { deployment } = await world();
    const count = quick ? 100 : 10_000;
    const prefix = `memory-${deployment.id}-`;
    await seed(deployment, {
      ids: Array.from({ length: count + 1 }, (_, index) => `${prefix}${index}`),
      token: () => randomBytes(TOKEN_LENGTH).toString('base64url').slice(0, TOKEN_LENGTH),
      ageMs: () => 0,
      connection: {},
    });
    const env = {
      ...deployment.environment(),
      BENCH_PREFIX: prefix,
      BENCH_CONNECTIONS: String(count),
    };
    await measureRounds(result, {
      ...{ cell: CELL, unit: 'bytes', rounds: quick ? 1 : 3, warmUp: false, compare: [] },
      subjects: {
        async [SUBJECT]() {
          const { child, readyLine } = await startChild('bench/processes/memory.ts', {
            ...{ env, nodeOptions: ['--expose-gc'] },
          });
          await child.stop();
          return Number(readyLine.replace('ready ', '')) - TOKEN_LENGTH;
        },
      },
    });
    const bytes = median(valuesOf(result, CELL, SUBJECT));
    if (!quick) {
      result.claims.push({
        claim: `${CELL}: ${SUBJECT}`,
        toReach: '–',
        measured: `${Math.round(bytes)}`,
        met: true,
      });
    }
    return result;
  },
};
