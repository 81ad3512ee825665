import { ApplicationFailure } from '@temporalio/common';

/** The ApplicationFailure that a call ends with, however deep under Temporal's own failures. */
export async function failureOf(call: Promise<unknown> | undefined): Promise<ApplicationFailure> {
  const thrown = await Promise.resolve(call).then(
    (value) => new Error(`It succeeded with ${JSON.stringify(value)}.`),
    (error: unknown) => error,
  );
  for (let current = thrown; current instanceof Error; current = current.cause) {
    if (current instanceof ApplicationFailure) return current;
  }
  throw thrown;
}
