import { addressOfHost, isAddressAllowed } from './addresses.js';
import { NetworkPolicyError, type NetworkMode } from './policy.js';

/**
 * Refuses a URL that the network setting does not allow, as far as it can be told without resolving
 * a name: its scheme, a user name or password in it, an address instead of a name. Names are checked
 * when the connection is made.
 *
 * @throws NetworkPolicyError when the URL is not allowed.
 */
export function assertUrlAllowed(url: URL, mode: NetworkMode): void {
  const host = url.hostname === '' ? '(none)' : url.hostname;
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new NetworkPolicyError(host, 'its URL is not an https URL');
  }
  if (url.username !== '' || url.password !== '') {
    throw new NetworkPolicyError(host, 'its URL holds a user name or a password');
  }
  if (url.protocol === 'http:' && !(mode === 'loopback' && isLoopbackHost(url.hostname))) {
    throw new NetworkPolicyError(host, `plain http is not allowed${httpHint(mode)}`);
  }
  const address = addressOfHost(url.hostname);
  if (address !== undefined && !isAddressAllowed(address, mode, url.protocol)) {
    throw new NetworkPolicyError(host, refusedAddress(mode));
  }
}

/** Whether a host is loopback by its name or as an address (RFC 6761 §6.3). */
export function isLoopbackHost(hostname: string): boolean {
  const address = addressOfHost(hostname);
  if (address !== undefined) return isAddressAllowed(address, 'loopback', 'http:');
  const name = hostname.toLowerCase().replace(/\.$/, '');
  return name === 'localhost' || name.endsWith('.localhost');
}

/** Why an address is refused, in our words; the address itself is not told. */
function refusedAddress(mode: NetworkMode): string {
  return `it is an address that the network setting "${mode}" does not allow`;
}

function httpHint(mode: NetworkMode): string {
  return mode === 'loopback' ? ' except to loopback hosts' : ` by the network setting "${mode}"`;
}
