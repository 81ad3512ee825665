import { usageError } from './command-error.js';

/** Where the command waits for the browser (RFC 8252 §7.3). */
export interface LoopbackAddress {
  /** What is listened on. */
  host: '127.0.0.1' | '::1';
  /** 0: whichever is free. */
  port: number;
  /** Path and query of the redirect URI. */
  path: string;
  /** The redirect URI, once the port is known. */
  redirectUri(port: number): string;
}

const DEFAULT_REDIRECT_URI = 'http://127.0.0.1/callback';
const LOOPBACK_HOSTS = ['127.0.0.1', '[::1]', 'localhost'];

/**
 * Chooses the redirect URI of a consent on this machine: the first of the registered ones that leads
 * here; one without a port stands for any.
 *
 * @param redirectUris - `grant.redirectUris`; empty: none is declared
 * @param port - what `--port` says; null: nothing
 * @throws CommandError when none leads to this machine, or to this port
 */
export function loopbackAddress(redirectUris: string[], port: number | null): LoopbackAddress {
  const known = redirectUris.length === 0 ? [DEFAULT_REDIRECT_URI] : redirectUris;
  const here = known.map((uri) => new URL(uri)).filter(isLoopback);
  if (here.length === 0) {
    throw usageError(
      'None of grant.redirectUris leads to this machine: register http://127.0.0.1/callback for the ' +
        'client, and add it to the connection file.',
    );
  }
  const chosen = here.find((url) => port === null || url.port === '' || url.port === String(port));
  if (chosen === undefined) {
    throw usageError(`None of grant.redirectUris has the port ${port}.`);
  }
  const { hostname, pathname, search } = chosen;
  const path = `${pathname}${search}`;
  return {
    host: hostname === '[::1]' ? '::1' : '127.0.0.1',
    port: chosen.port === '' ? (port ?? 0) : Number(chosen.port),
    path,
    redirectUri: (bound) => `http://${hostname}:${bound}${path}`,
  };
}

function isLoopback({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && LOOPBACK_HOSTS.includes(hostname);
}
