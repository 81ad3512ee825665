import type { Network } from '../network.js';
import type { TokenSource } from './token-source.js';

const networks = new WeakMap<TokenSource, Network>();

/** Remembers which way out a token source sends its requests. */
export function withNetwork(source: TokenSource, network: Network): TokenSource {
  networks.set(source, network);
  return source;
}

/**
 * Refuses a URL that the token source would refuse, before a token is obtained for it.
 *
 * @throws NetworkPolicyError when the URL is not allowed
 */
export function assertUrlAllowed(source: TokenSource, url: URL): void {
  networks.get(source)?.assertUrlAllowed(url);
}
