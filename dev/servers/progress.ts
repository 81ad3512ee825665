/** Says one line about what is going on, for a person who waits. */
export type Progress = (line: string) => void;

/** Says nothing. */
export const silent: Progress = () => undefined;

/** How often a long step says that it still goes on. */
const TICK_MS = 15_000;

/**
 * Runs a long step and says every few seconds how long it has been going on.
 * @param label - what goes on, for example `building temporal`
 */
export async function withElapsed<T>(
  progress: Progress,
  label: string,
  step: () => Promise<T>,
): Promise<T> {
  const startedAt = Date.now();
  const seconds = (): number => Math.round((Date.now() - startedAt) / 1_000);
  const timer = setInterval(() => progress(`${label}: ${seconds()} s so far`), TICK_MS);
  try {
    const result = await step();
    progress(`${label}: done in ${seconds()} s`);
    return result;
  } finally {
    clearInterval(timer);
  }
}
