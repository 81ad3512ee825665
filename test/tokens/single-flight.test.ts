import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { pause, SingleFlight, within } from '../../src/tokens/single-flight.js';

afterEach(() => vi.useRealTimers());

const never = <T = never>() => new Promise<T>(() => undefined);

/** Collects rejections that nobody handles, as Node reports them before it ends the process. */
async function unhandledDuring(act: () => Promise<void>): Promise<unknown[]> {
  const seen: unknown[] = [];
  const known = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (reason) => seen.push(reason));
  try {
    await act();
    await sleep(40);
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const listener of known) process.on('unhandledRejection', listener);
  }
  return seen;
}

describe('one operation at a time', () => {
  it('is shared by everybody who asks meanwhile', async () => {
    const flights = new SingleFlight<number>();
    let runs = 0;
    const run = () => flights.run('a', () => Promise.resolve((runs += 1)));
    expect(await Promise.all([run(), run(), run()])).toEqual([1, 1, 1]);
    expect(await run()).toBe(2);
  });

  it('does not make those wait who ask for something else', async () => {
    const flights = new SingleFlight<string>();
    void flights.run('a', () => never<string>());
    expect(await flights.run('b', () => Promise.resolve('b'))).toBe('b');
  });

  it('that fails fails for all of them, and the next one starts anew', async () => {
    const flights = new SingleFlight<string>();
    const failing = () => flights.run('a', () => Promise.reject(new Error('no')));
    expect((await Promise.allSettled([failing(), failing()])).map(({ status }) => status)).toEqual([
      'rejected',
      'rejected',
    ]);
    expect(await flights.run('a', () => Promise.resolve('yes'))).toBe('yes');
  });
});

describe('waiting within a time', () => {
  it('brings the value, or undefined when the time is over first', async () => {
    expect(await within(Promise.resolve(7), 1_000)).toBe(7);
    expect(await within(never(), 5)).toBeUndefined();
    expect(await within(never(), -5)).toBeUndefined();
  });

  it('passes a failure on', async () => {
    await expect(within(Promise.reject(new Error('no')), 1_000)).rejects.toThrow('no');
  });

  it("ends with the signal's reason, at once and later", async () => {
    const reason = new Error('enough');
    await expect(within(never(), 1_000, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = within(never(), 1_000, controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  it('leaves no failure unhandled that comes after nobody waits any more', async () => {
    const unhandled = await unhandledDuring(async () => {
      const late = () => sleep(20).then(() => Promise.reject(new Error('late')));
      await within(late(), 0);
      await within(late(), 1_000, AbortSignal.abort(new Error('enough'))).catch(() => undefined);
      const controller = new AbortController();
      const waiting = within(late(), 1_000, controller.signal);
      controller.abort(new Error('enough'));
      await waiting.catch(() => undefined);
    });
    expect(unhandled).toEqual([]);
  });

  it('leaves neither a timer nor a listener behind', async () => {
    vi.useFakeTimers();
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, 'removeEventListener');
    await within(Promise.resolve(), 60_000, signal);
    expect(vi.getTimerCount()).toBe(0);
    expect(removed).toHaveBeenCalledTimes(1);
  });
});

describe('a pause', () => {
  it('lasts as long as it says, or until the signal', async () => {
    vi.useFakeTimers();
    const done = vi.fn();
    void pause(5_000).then(done);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(done).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(done).toHaveBeenCalled();
    const reason = new Error('enough');
    await expect(pause(5_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
