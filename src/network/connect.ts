import { lookup as resolveName, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { addressOfHost, isAddressAllowed } from './addresses.js';
import { NetworkPolicyError, type NetworkMode } from './policy.js';
import { assertUrlAllowed } from './urls.js';

/** How names are resolved: `dns.lookup` with `all`, which tests replace. */
export type Resolve = (
  hostname: string,
  options: { readonly all: true; readonly family?: number; readonly hints?: number },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** What every connection of a network is made with. */
export interface ConnectSettings {
  readonly mode: NetworkMode;
  readonly resolve?: Resolve | undefined;
  /** Until the connection, TLS included, is there; undefined: undici's own 10 s. */
  readonly connectTimeoutMs?: number | undefined;
}

/** Server certificates are verified whatever `NODE_TLS_REJECT_UNAUTHORIZED` says. */
export function tlsOptions(settings: ConnectSettings): buildConnector.BuildOptions {
  const { connectTimeoutMs } = settings;
  return {
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(connectTimeoutMs === undefined ? {} : { timeout: connectTimeoutMs }),
  };
}

/**
 * Makes the undici connector through which every direct connection goes. It checks the URL's host
 * again, so that a dispatcher handed to `fetch` holds the policy by itself, and connects only to
 * addresses that it has checked: nothing can be resolved a second time in between (DNS rebinding).
 */
export function createConnector(settings: ConnectSettings): buildConnector.connector {
  const connectors = new Map(
    ['https:', 'http:'].map((scheme) => [
      scheme,
      buildConnector({
        ...tlsOptions(settings),
        lookup: createLookup(settings, scheme),
      }),
    ]),
  );
  return (options, callback) => {
    try {
      assertUrlAllowed(urlOf(options), settings.mode);
    } catch (error) {
      callback(asError(error), null);
      return;
    }
    const connect = connectors.get(options.protocol);
    if (connect === undefined) callback(new TypeError('Only http and https are spoken.'), null);
    else connect(options, callback);
  };
}

/** A `net.connect` lookup that classifies all resolved addresses and passes on allowed ones only. */
export function createLookup(settings: ConnectSettings, scheme: string): LookupFunction {
  const resolve = settings.resolve ?? resolveName;
  return (hostname, options, callback) => {
    const { family, hints } = options;
    const wanted = {
      all: true as const,
      ...(family === undefined ? {} : { family: familyNumber(family) }),
      ...(hints === undefined ? {} : { hints }),
    };
    resolve(hostname, wanted, (error, addresses) => {
      if (error !== null) return callback(error, [], 0);
      const allowed = addresses.filter(({ address }) =>
        isAddressAllowed(address, settings.mode, scheme),
      );
      const first = allowed[0];
      if (first === undefined) {
        return callback(new NetworkPolicyError(hostname, resolvedRefusal(settings.mode)), [], 0);
      }
      return options.all === true
        ? callback(null, allowed)
        : callback(null, first.address, first.family);
    });
  };
}

/**
 * Checks a host that someone else, a proxy, will connect to: all its addresses, because the proxy
 * chooses among them. A name that cannot be resolved here is left to the proxy: behind one, outside
 * names often have no address inside.
 *
 * @throws NetworkPolicyError when the host is, or resolves to, an address that is not allowed.
 */
export async function assertHostAllowed(host: URL, settings: ConnectSettings): Promise<void> {
  assertUrlAllowed(host, settings.mode);
  if (addressOfHost(host.hostname) !== undefined) return;
  const resolve = settings.resolve ?? resolveName;
  const addresses = await new Promise<LookupAddress[]>((accept) => {
    resolve(host.hostname, { all: true }, (error, found) => accept(error === null ? found : []));
  });
  if (!addresses.every(({ address }) => isAddressAllowed(address, settings.mode, host.protocol))) {
    throw new NetworkPolicyError(host.hostname, resolvedRefusal(settings.mode, 'an address'));
  }
}

function urlOf(options: buildConnector.Options): URL {
  const host = options.hostname.includes(':') ? `[${options.hostname}]` : options.hostname;
  return new URL(`${options.protocol}//${host}`);
}

function resolvedRefusal(mode: NetworkMode, to = 'nothing but addresses'): string {
  return `it resolves to ${to} that the network setting "${mode}" does not allow`;
}

function familyNumber(family: number | 'IPv4' | 'IPv6'): number {
  if (typeof family === 'number') return family;
  return family === 'IPv6' ? 6 : 4;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new TypeError('The URL could not be checked.');
}
