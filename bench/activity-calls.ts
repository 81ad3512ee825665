/** API calls from activities: what a token costs a call, against what Temporal users do instead. */
import type { Bench } from './bench.js';
import { requestToken } from './processes/application-activities.js';
import type { CallInput } from './processes/application-activities.js';
import { emptyResult, type BenchResult } from './result.js';
import { measureRounds, ratiosOf } from './rounds.js';
import { median } from './statistics.js';
import { startApplication, type Application } from './world/application.js';

const STATIC = 'static header (the limit)';
const PACKAGE = 'this package';
const ACTIVITY = 'get-token activity, then call activity';
const REQUEST = 'a token request per attempt';
const LIFETIME_S = 3_600;

const SIZES = [
  { atOnce: 1, calls: 60 },
  { atOnce: 20, calls: 240 },
  { atOnce: 200, calls: 400 },
];
const QUICK_SIZES = [{ atOnce: 5, calls: 20 }];
const cellOf = (atOnce: number): string => `${atOnce} at once`;

/** API calls from activities. */
export const activityCalls: Bench = {
  name: 'activity-calls',
  async run({ quick, world }) {
    const result = emptyResult('activity-calls');
    const { deployment, endpoints } = await world();
    const connectionId = `calls-${deployment.id}`;
    const tokenEndpoint = endpoints.tokenEndpoint(0, LIFETIME_S);
    await deployment.put({ connectionId, lifetimeS: LIFETIME_S });
    const [application] = await Promise.all([startApplication(deployment), deployment.worker()]);
    const input: CallInput = {
      ...{ connectionId, url: endpoints.apiUrl, tokenEndpoint },
      staticToken: await requestToken(tokenEndpoint, `static-${connectionId}`),
    };
    const rounds = quick ? 1 : 5;
    const sizes = quick ? QUICK_SIZES : SIZES;
    let unserved = 0;
    const bare = { ...input, connectionId: `bare-${connectionId}` };
    for (const size of sizes) {
      const run = (way: 'static' | 'package' | 'activity' | 'request') => async () => {
        const call = way === 'request' ? bare : input;
        const { callsPerSecond, served } = await timed(application, { ...call, ...size, way });
        unserved += size.calls - served;
        return callsPerSecond;
      };
      await measureRounds(result, {
        ...{ cell: cellOf(size.atOnce), unit: 'calls/s', rounds, warmUp: true },
        subjects: {
          [STATIC]: run('static'),
          [PACKAGE]: run('package'),
          [ACTIVITY]: run('activity'),
          [REQUEST]: run('request'),
        },
        compare: [STATIC, ACTIVITY, REQUEST].map((to) => ({ of: PACKAGE, to })),
      });
    }
    const calls = sizes.reduce((sum, size) => sum + size.calls, 0) * (rounds + 1);
    result.counts.push(
      { what: 'calls that were not answered with 200', value: unserved, expected: { exactly: 0 } },
      {
        what: `token requests for ${calls * 2} calls within one lifetime, this package`,
        value: await endpoints.countTokenRequests(connectionId),
        expected: { exactly: 1 },
      },
      {
        what: `token requests for ${calls} calls, a token request per attempt`,
        value: await endpoints.countTokenRequests(bare.connectionId),
        expected: { exactly: calls },
      },
    );
    await application.process.stop();
    if (!quick) claim(result);
    return result;
  },
};

async function timed(
  application: Application,
  input: Parameters<Application['callApi']>[0],
): Promise<{ callsPerSecond: number; served: number }> {
  const startedAt = performance.now();
  const served = await application.callApi(input);
  const seconds = (performance.now() - startedAt) / 1_000;
  return { callsPerSecond: input.calls / seconds, served };
}

function claim(result: BenchResult): void {
  for (const { atOnce } of SIZES) {
    const cell = cellOf(atOnce);
    const toLimit = median(ratiosOf(result, cell, { of: PACKAGE, to: STATIC }));
    const toActivity = median(ratiosOf(result, cell, { of: PACKAGE, to: ACTIVITY }));
    result.claims.push(
      {
        claim: `${cell}: calls a second, of the limit`,
        toReach: '≥ 0.97',
        measured: toLimit.toFixed(2),
        met: toLimit >= 0.97,
      },
      {
        claim: `${cell}: against get-token, then call`,
        toReach: '≥ 1.7×',
        measured: `${toActivity.toFixed(2)}×`,
        met: toActivity >= 1.7,
      },
    );
  }
}
