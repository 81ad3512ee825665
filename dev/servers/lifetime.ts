import { setTimeout as sleep } from 'node:timers/promises';

/** Ends one thing that was started. Called at most once. */
export type Stop = () => Promise<void> | void;

/** What has been started and is still to be stopped, in order. */
export interface Lifetime {
  /**
   * Registers something to stop at the end.
   * @returns a function that takes it off the list, for when it was stopped before the end
   */
  onExit(stop: Stop): () => void;
  /**
   * Stops everything, newest first, each even if another one failed. Safe to call again: every
   * caller waits for the same end. What is registered afterwards is stopped at once.
   * @returns the errors of those that could not be stopped
   */
  stopAll(): Promise<unknown[]>;
}

/** Makes an empty {@link Lifetime}. */
export function createLifetime(): Lifetime {
  const stops = new Set<{ stop: Stop }>();
  const errors: unknown[] = [];
  let ending: Promise<unknown[]> | null = null;

  const stopOne = async (stop: Stop): Promise<void> => {
    try {
      await stop();
    } catch (error) {
      errors.push(error);
    }
  };
  const stopInReverse = async (): Promise<unknown[]> => {
    for (let last = [...stops].pop(); last !== undefined; last = [...stops].pop()) {
      stops.delete(last);
      await stopOne(last.stop);
    }
    return errors;
  };
  return {
    onExit(stop) {
      if (ending !== null) {
        ending = ending.then(() => stopOne(stop)).then(() => errors);
        return () => undefined;
      }
      const entry = { stop };
      stops.add(entry);
      return () => stops.delete(entry);
    },
    stopAll() {
      ending ??= stopInReverse();
      return ending;
    },
  };
}

const processLifetime = createLifetime();

/** Registers something to stop when this process's command ends: see {@link runToTheEnd}. */
export function onExit(stop: Stop): () => void {
  return processLifetime.onExit(stop);
}

/** Stops everything that was registered with {@link onExit}, newest first. */
export function stopEverything(): Promise<unknown[]> {
  return processLifetime.stopAll();
}

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
/** How long a command may take to return by itself after a signal, before things are stopped. */
const RETURN_MS = 1_000;

/**
 * Runs a command's main function and then stops everything it started, whether it succeeded,
 * failed, was interrupted (SIGINT, SIGTERM, SIGHUP) or hit an uncaught exception.
 *
 * Exit status: 0 when main returned (also when it returned because of the signal), 1 when it
 * failed, 128 + the signal's number when it had to be cut short. A second signal ends the process
 * at once; the guard then stops the servers.
 * @param main - gets a signal that is aborted on the first SIGINT, SIGTERM or SIGHUP
 */
export async function runToTheEnd(main: (stopping: AbortSignal) => Promise<void>): Promise<void> {
  const interruption = new AbortController();
  const cutShort = new Promise<number>((resolve) => {
    for (const [name, status] of Object.entries(SIGNALS)) {
      process.on(name, () => {
        if (interruption.signal.aborted) process.exit(status);
        interruption.abort(new Error(`stopped by ${name}`));
        void sleep(RETURN_MS).then(() => resolve(status));
      });
    }
    const fail = (error: unknown): void => {
      console.error(error);
      resolve(1);
    };
    process.on('uncaughtException', fail);
    process.on('unhandledRejection', fail);
  });
  const finished = Promise.resolve(interruption.signal)
    .then(main)
    .then(
      () => 0,
      (error: unknown) => {
        if (!interruption.signal.aborted) console.error(error);
        return 1;
      },
    );
  const status = await Promise.race([finished, cutShort]);
  const errors = await stopEverything();
  for (const error of errors) console.error(error);
  process.exit(status === 0 && errors.length > 0 ? 1 : status);
}
