/**
 * Which addresses a process may reach.
 *
 * - `public`: https to public addresses only.
 * - `private`: https only, to private ranges (RFC 1918, RFC 6598, RFC 4193) as well; never to loopback,
 *   link-local or metadata addresses.
 * - `loopback`: for development; private ranges and loopback as well, and plain http on loopback.
 */
export type NetworkMode = 'public' | 'private' | 'loopback';

/**
 * A URL or a resolved address that the network setting does not allow. Nothing was sent.
 *
 * The message is ours and names the host only: never a path, a query or a user name.
 */
export class NetworkPolicyError extends Error {
  override readonly name = 'NetworkPolicyError';
  readonly code = 'network_not_allowed';
  /** The refused host name or address, without port. */
  readonly host: string;

  constructor(host: string, reason: string) {
    super(`The host ${host} may not be reached: ${reason}.`);
    this.host = host;
  }
}

/**
 * Finds the {@link NetworkPolicyError} behind what `fetch` or undici threw ("fetch failed"), because
 * a resolved address is refused while connecting and arrives as the cause of another error.
 */
export function networkPolicyErrorOf(error: unknown): NetworkPolicyError | undefined {
  let candidates: unknown[] = [error];
  for (let depth = 0; depth < 8 && candidates.length > 0; depth += 1) {
    const found = candidates.find((candidate) => candidate instanceof NetworkPolicyError);
    if (found !== undefined) return found;
    candidates = candidates.flatMap(causesOf);
  }
  return undefined;
}

function causesOf(error: unknown): unknown[] {
  if (!(error instanceof Error)) return [];
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [];
  return error.cause === undefined ? errors : [error.cause, ...errors];
}
