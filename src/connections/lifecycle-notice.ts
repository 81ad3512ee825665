import type { ConnectionRecord } from '../contract/connection-record.js';

/** The part of the lifecycle client that a changed connection needs. */
export interface LifecycleToNotify {
  configure(connectionId: string, start: boolean, deadlineMs: number): Promise<boolean>;
  describe(connectionId: string): Promise<{ status: string } | null>;
  /** Wakes the workflows that wait until the connection is authorized. */
  wake(connectionId: string): Promise<unknown>;
}

const NOTICE_MS = 5_000;

/**
 * Tells a connection's lifecycle that its record changed, and starts it when it is to refresh ahead.
 * Best effort: the record is written, and whoever reads it next acts by it.
 *
 * @param warn - told when nobody took note
 */
export async function notifyLifecycle(
  lifecycle: LifecycleToNotify,
  { connectionId, lifetime }: Pick<ConnectionRecord, 'connectionId' | 'lifetime'>,
  warn: (message: string) => void,
): Promise<void> {
  const ahead = lifetime.refresh === 'ahead';
  try {
    // Without a running lifecycle there is nobody to tell; the next caller starts one.
    if (!ahead && !(await isRunning(lifecycle, connectionId))) return;
    if (await lifecycle.configure(connectionId, ahead, NOTICE_MS)) return;
    warn(
      'No worker answered; ' +
        (ahead
          ? 'the lifecycle starts when a worker runs.'
          : 'the running lifecycle takes note at its next step.'),
    );
  } catch {
    warn('Temporal did not answer; the lifecycle takes note at its next step.');
  }
}

/**
 * Wakes whoever waits for the grant that was put. Best effort: they look by themselves, later and later.
 *
 * @param warn - told when they could not be woken
 */
export async function wakeWaiting(
  lifecycle: LifecycleToNotify,
  connectionId: string,
  warn: (message: string) => void,
): Promise<void> {
  try {
    await lifecycle.wake(connectionId);
  } catch {
    warn('Workflows that wait for it could not be woken: they look within five minutes.');
  }
}

async function isRunning(lifecycle: LifecycleToNotify, connectionId: string): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, refuse) => {
    timer = setTimeout(() => refuse(new Error('late')), NOTICE_MS);
  });
  try {
    const run = await Promise.race([lifecycle.describe(connectionId), late]);
    return run?.status === 'RUNNING';
  } finally {
    clearTimeout(timer);
  }
}
