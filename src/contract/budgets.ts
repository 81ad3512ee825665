/** How long committing may take, in milliseconds. */
export const COMMIT_MS = 8_000;
const MARGIN_MS = 1_000;
const SEND_MS = 1_000;
const MAX_SLACK_MS = 15_000;

/** The time limits of one token request. */
export interface RequestBudget {
  /** Between asking for the intent to be written and sending: beyond it nothing is sent. */
  sendWithinMs: number;
  /** How long nobody else may send, from the intent on. */
  attemptMs: number;
}

/**
 * The budget of a token request: strictly more than everything that happens in it, and no longer,
 * so that recovery starts inside an authorization server's usual grace of 30 s.
 *
 * @param requestTimeoutMs - how long the server may take for one request
 * @param requests - how many requests the attempt may make
 * @param storeLatencyMs - how long MongoDB took for the read before: a slow network gets more time
 */
export function requestBudget(
  requestTimeoutMs: number,
  requests: number,
  storeLatencyMs: number,
): RequestBudget {
  const sendWithinMs = Math.min(SEND_MS + 4 * storeLatencyMs, MAX_SLACK_MS);
  const attemptMs = sendWithinMs + requests * requestTimeoutMs + COMMIT_MS + MARGIN_MS;
  return { sendWithinMs, attemptMs };
}
