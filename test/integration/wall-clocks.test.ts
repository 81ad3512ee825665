/** No process's wall clock decides anything: MongoDB's does (design §5). */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { startProcess, type TestProcess } from './processes/start-process.js';
import { sendJson, startRecordingServer, type RecordingServer } from './recording-server.js';
import { startScriptedTokens, type ScriptedTokens } from './scripted-tokens.js';

const HOUR_MS = 3_600_000;
const LIFETIME_MS = 4_000;

interface Line {
  generation: number;
  expiresAt: string;
  status: number;
  now: string;
}

let system: TokenSystem;
let authorization: ScriptedTokens;
let api: RecordingServer;
const processes: TestProcess[] = [];

beforeAll(async () => {
  system = await startTokenSystem();
  authorization = await startScriptedTokens(LIFETIME_MS);
  api = await startRecordingServer(({ headers }, response) => {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    sendJson(response, authorization.isActive(token) ? 200 : 401, {});
  });
});
afterAll(async () => {
  await Promise.all(processes.map((one) => one.stop()));
  await system.close();
  await authorization.stop();
  await api.stop();
});

function start(file: string, args: string[], shiftMs: number, more: NodeJS.ProcessEnv = {}) {
  const env = { ...system.environment(), ...more, CLOCK_SHIFT_MS: String(shiftMs) };
  const preload = ['./test/integration/processes/shift-clock.js'];
  const started = startProcess(file, args, { env, preload });
  processes.push(started);
  return started;
}

const linesOf = (one: TestProcess): Line[] =>
  one
    .stdout()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

it('callers an hour ahead and behind, and a worker behind, agree on every token', async () => {
  const file = system.connectionFile('clocks', {
    authorizationServer: { tokenEndpoint: authorization.tokenEndpoint },
    api: { allowedOrigins: [api.origin] },
  });
  await system.put(file);
  const worker = start('src/cli/main.ts', ['worker'], -HOUR_MS);
  await worker.says('worker ready');
  const more = { CONNECTION_ID: file.connectionId, API_URL: `${api.origin}/things` };
  const callers = [HOUR_MS, -HOUR_MS].map((shiftMs) =>
    start('test/integration/processes/token-caller.ts', [], shiftMs, more),
  );
  const [ahead, behind] = callers;
  if (ahead === undefined || behind === undefined) throw new Error('Two callers were started.');
  const seenByBoth = (): number[] =>
    [...new Set(linesOf(ahead).map(({ generation }) => generation))].filter((generation) =>
      linesOf(behind).some((line) => line.generation === generation),
    );
  await expect.poll(() => seenByBoth().length, { timeout: 60_000 }).toBeGreaterThanOrEqual(3);
  for (const caller of callers) expect(await caller.stop(), caller.stderr()).toBe(0);

  // Every call was answered 200 at once: expiry was honoured.
  const all = callers.flatMap(linesOf);
  expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]));
  expect(api.received).toHaveLength(all.length);
  // One token request for each generation, also for one that came after the last call.
  const { connectionId } = file;
  const requestsTooMany = async (): Promise<number> => {
    const found = await system.database.tokens.findOne({ _id: connectionId });
    return authorization.requests.length - (found?.generation ?? 0);
  };
  await expect.poll(requestsTooMany, { timeout: 10_000 }).toBe(0);
  // Both say the same of the same generation, by a clock that is neither's.
  for (const generation of seenByBoth()) {
    const [one, other] = [ahead, behind].map((caller) =>
      linesOf(caller).find((line) => line.generation === generation),
    );
    expect(one?.expiresAt).toBe(other?.expiresAt);
    expect(Math.abs(Date.parse(one?.expiresAt ?? '') - Date.now())).toBeLessThan(120_000);
    const apart = Date.parse(one?.now ?? '') - Date.parse(other?.now ?? '');
    expect(apart).toBeGreaterThan(1.9 * HOUR_MS);
  }
});
