import { createNetwork, type Network } from '../network.js';
import { InputError } from '../failures.js';
import type { LifecycleAccess } from './lifecycle-access.js';
import type { LifecycleClient } from './lifecycle-client.js';
import type { TokenSource } from './token-source.js';

/** What a token source is made of and others need beside it. */
export interface SourceParts {
  network: Network;
  lifecycle: LifecycleAccess;
}

const parts = new WeakMap<TokenSource, SourceParts>();

/** Remembers which way out a token source sends its requests, and how it finds the lifecycle. */
export function withParts(source: TokenSource, made: SourceParts): TokenSource {
  parts.set(source, made);
  return source;
}

/**
 * Refuses a URL that the token source would refuse, before a token is obtained for it.
 *
 * @throws NetworkPolicyError when the URL is not allowed
 */
export function assertUrlAllowed(source: TokenSource, url: URL): void {
  parts.get(source)?.network.assertUrlAllowed(url);
}

/** The way out that a token source uses; of one that is not ours, to public addresses only. */
export function networkOf(source: TokenSource): Network {
  return parts.get(source)?.network ?? createNetwork({ mode: 'public' });
}

/**
 * The lifecycle as a token source reaches it from the calling context.
 *
 * @throws InputError of a token source that is not ours, and what {@link LifecycleAccess.get} throws
 */
export async function lifecycleOf(source: TokenSource): Promise<LifecycleClient> {
  const made = parts.get(source);
  if (made === undefined) throw new InputError('tokens: must be made by createTokenSource.');
  return made.lifecycle.get();
}
