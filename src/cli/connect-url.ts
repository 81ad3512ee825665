import { DEFAULT_CONNECT_PORT } from '../contract/connect-url.js';

/**
 * Where the connect page is.
 *
 * @param configured - `OAUTH_TOKENS_CONNECT_URL`; null: on this machine
 */
export function connectUrlOf(configured: string | null, port = DEFAULT_CONNECT_PORT): string {
  return configured ?? `http://127.0.0.1:${port}`;
}
