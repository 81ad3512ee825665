import type { TokenWorker, TokenWorkerOptions } from './worker.js';

/**
 * Makes a token worker; see `createTokenWorker` of `temporal-oauth-tokens/worker`. The SDK's worker
 * is loaded with the first call, so that applications which only use tokens do not load it.
 */
export async function createTokenWorker(options: TokenWorkerOptions): Promise<TokenWorker> {
  const worker = await import('./worker.js');
  return worker.createTokenWorker(options);
}
