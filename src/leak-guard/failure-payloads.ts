import type { Payload } from '@temporalio/common';

/** The SDK's function that encodes the payloads of a failure calls the codec through one more. */
const ENCODES_FAILURE = /^ {4}at (?:async )?(?:\w+\.)*encodeFailure /m;
const FRAMES = 10;

/**
 * Whether the codec was called for the details of a failure. The SDK does not say so, and lets a
 * codec that throws there end the Worker (@temporalio/worker 1.24); the stack tells. Costs
 * microseconds, after something was found only.
 */
export function isEncodingFailure(): boolean {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = FRAMES;
  const { stack = '' } = new Error('Where is this?');
  Error.stackTraceLimit = stackTraceLimit;
  return ENCODES_FAILURE.test(stack);
}

/** In place of a payload with a secret: readable as details and as a failure's attributes. */
export function redactedPayload(): Payload {
  const data = { message: 'A secret was held back here.', stack_trace: '' };
  return {
    metadata: { encoding: Buffer.from('json/plain') },
    data: Buffer.from(JSON.stringify(data)),
  };
}
