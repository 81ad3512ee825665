import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EnsureTokenInput } from '../../src/contract/messages.js';
import { ensureTokenUpdateId } from '../../src/contract/names.js';
import { Asker, type AskPatience } from '../../src/tokens/ask.js';
import type { LifecycleAccess } from '../../src/tokens/lifecycle-access.js';
import type { EnsureTokenAnswer, LifecycleClient } from '../../src/tokens/lifecycle-client.js';
import { expiredRecord, staleRecord } from '../contract/records.js';

const INPUT: EnsureTokenInput = { epoch: 1, generation: 3, minValidMs: 0, reason: 'expired' };
const ISSUED: EnsureTokenAnswer = { outcome: 'issued', token: null, failure: null, retryAt: null };
const PATIENCE: AskPatience = { leftMs: 30_000, lookAfterMs: 5_000, signal: undefined };
const READ = expiredRecord();
/** A whole number of ten seconds, so that tests know where a bucket begins. */
const START = 1_767_268_800_000;
const BUCKET = START / 10_000;

beforeEach(() => vi.useFakeTimers({ now: START }));
afterEach(() => vi.useRealTimers());

/** An asker and the update ids that reach its lifecycle. */
function askerWith(answer: () => Promise<EnsureTokenAnswer>): { asker: Asker; asked: string[] } {
  const asked: string[] = [];
  const client: Pick<LifecycleClient, 'ensureToken'> = {
    ensureToken(_connectionId, { bucket, ...key }) {
      asked.push(ensureTokenUpdateId(key, bucket));
      return answer();
    },
  };
  const access: Pick<LifecycleAccess, 'get'> = {
    get: () => Promise.resolve(client as LifecycleClient),
  };
  return { asker: new Asker(access as LifecycleAccess), asked };
}

const never = () => new Promise<EnsureTokenAnswer>(() => undefined);
const answering = (answer: EnsureTokenAnswer) => () => Promise.resolve(answer);

describe('asking for a token', () => {
  it('is one question for all callers of a process, under the id of the record', async () => {
    const { asker, asked } = askerWith(answering(ISSUED));
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => asker.ask(READ, INPUT, PATIENCE)),
    );
    expect(answers.every((answer) => answer.outcome === 'issued')).toBe(true);
    expect(asked).toEqual(['aB3dE6gH.1.3.0']);
  });

  it('is another question once the record has changed', async () => {
    const { asker, asked } = askerWith(answering(ISSUED));
    await asker.ask(READ, INPUT, PATIENCE);
    await asker.ask({ ...READ, failures: 1 }, INPUT, PATIENCE);
    expect(asked).toEqual(['aB3dE6gH.1.3.0', 'aB3dE6gH.1.3.1']);
  });

  it('is asked again under the id of its ten seconds, because an answer is only a hint', async () => {
    const { asker, asked } = askerWith(answering(ISSUED));
    await asker.ask(READ, INPUT, PATIENCE);
    await asker.ask(READ, INPUT, PATIENCE);
    expect(asked).toEqual(['aB3dE6gH.1.3.0', `aB3dE6gH.1.3.0~${BUCKET}`]);
  });

  it('is asked once in ten seconds at most: the next caller waits for the next id', async () => {
    const { asker, asked } = askerWith(answering(ISSUED));
    for (let asks = 0; asks < 2; asks += 1) await asker.ask(READ, INPUT, PATIENCE);
    const waits = asker.ask(READ, INPUT, { ...PATIENCE, lookAfterMs: 60_000 });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await waits).toEqual({ outcome: 'no_answer' });
    expect(asked).toHaveLength(2);
    await asker.ask(READ, INPUT, PATIENCE);
    expect(asked.at(-1)).toBe(`aB3dE6gH.1.3.0~${BUCKET + 1}`);
  });

  it('says when it is time to look at the record, and goes on for the others', async () => {
    const { asker, asked } = askerWith(never);
    const first = asker.ask(READ, INPUT, { ...PATIENCE, lookAfterMs: 1_000 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await first).toEqual({ outcome: 'no_answer' });
    void asker.ask(READ, INPUT, PATIENCE);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toHaveLength(1);
  });

  it("never waits past the caller's own time", async () => {
    const { asker } = askerWith(never);
    const waiting = asker.ask(READ, INPUT, { ...PATIENCE, leftMs: 300 });
    await vi.advanceTimersByTimeAsync(300);
    expect(await waiting).toEqual({ outcome: 'no_answer' });
  });

  it("ends with the caller's signal, for this caller only", async () => {
    const { asker } = askerWith(never);
    const controller = new AbortController();
    const ended = asker.ask(READ, INPUT, { ...PATIENCE, signal: controller.signal });
    const other = asker.ask(READ, INPUT, PATIENCE);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(ended).rejects.toBe(reason);
    await vi.advanceTimersByTimeAsync(PATIENCE.lookAfterMs);
    expect(await other).toEqual({ outcome: 'no_answer' });
  });

  it('passes a failure on, and asks again under the same id: it never reached the server', async () => {
    let fails = true;
    const { asker, asked } = askerWith(() =>
      fails ? Promise.reject(new Error('no')) : Promise.resolve(ISSUED),
    );
    await expect(asker.ask(READ, INPUT, PATIENCE)).rejects.toThrow('no');
    fails = false;
    expect(await asker.ask(READ, INPUT, PATIENCE)).toEqual(ISSUED);
    expect(asked).toEqual(['aB3dE6gH.1.3.0', 'aB3dE6gH.1.3.0']);
  });
});

describe('a nudge', () => {
  const stale = staleRecord();
  const settled = () => vi.advanceTimersByTimeAsync(0);

  it('is given once for a state of the record, and followed by what comes then', async () => {
    const { asker, asked } = askerWith(answering(ISSUED));
    const then = vi.fn(() => Promise.resolve());
    for (let nudges = 0; nudges < 50; nudges += 1) asker.nudge(stale, INPUT, then);
    await settled();
    asker.nudge(stale, INPUT, then);
    await settled();
    expect(asked).toEqual(['aB3dE6gH.1.3.0']);
    expect(then).toHaveBeenCalledTimes(1);
  });

  it('is given again when the record has changed', async () => {
    const { asker, asked } = askerWith(answering(ISSUED));
    asker.nudge(stale, INPUT, () => Promise.resolve());
    asker.nudge({ ...stale, generation: 4 }, INPUT, () => Promise.resolve());
    await settled();
    expect(asked).toHaveLength(2);
  });

  it.each(['no_answer', 'unreachable'] as const)(
    'that got lost (%s) is given again, once in ten seconds',
    async (outcome) => {
      const { asker, asked } = askerWith(answering({ outcome }));
      for (let nudges = 0; nudges < 4; nudges += 1) {
        asker.nudge(stale, INPUT, () => Promise.resolve());
        await settled();
      }
      expect(asked).toEqual(['aB3dE6gH.1.3.0', `aB3dE6gH.1.3.0~${BUCKET}`]);
      await vi.advanceTimersByTimeAsync(10_000);
      asker.nudge(stale, INPUT, () => Promise.resolve());
      await settled();
      expect(asked).toHaveLength(3);
    },
  );

  it('that fails is left to the next caller, who meets it in the foreground', async () => {
    const { asker, asked } = askerWith(() => Promise.reject(new Error('no')));
    asker.nudge(stale, INPUT, () => Promise.resolve());
    await settled();
    await expect(asker.ask(stale, INPUT, PATIENCE)).rejects.toThrow('no');
    expect(asked).toHaveLength(2);
  });

  it('shares its question with callers who wait', async () => {
    const { asker, asked } = askerWith(answering(ISSUED));
    asker.nudge(stale, INPUT, () => Promise.resolve());
    await asker.ask(stale, INPUT, PATIENCE);
    expect(asked).toHaveLength(1);
  });
});
