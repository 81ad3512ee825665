import ipaddr from 'ipaddr.js';
import type { NetworkMode } from './policy.js';

/** What an address is to the network setting; `never` is refused in every mode. */
export type AddressKind = 'public' | 'private' | 'loopback' | 'never';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

// Instance metadata lies in ranges that are private or even public otherwise: AWS and GCP over IPv6,
// Alibaba Cloud in RFC 6598 space, Azure's wire server. 169.254/16 is refused as link-local.
const METADATA_ADDRESSES = [
  'fd00:ec2::254',
  'fd20:ce::254',
  '100.100.100.200',
  '168.63.129.16',
].map((text) => ipaddr.process(text).toNormalizedString());

// ipaddr.js calls everything unicast that no registry entry covers, the IPv4-compatible ::/96 and
// unassigned space included. Only 2000::/3 is global unicast (RFC 4291 §2.4).
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');

const KIND_OF_RANGE: Readonly<Record<string, AddressKind>> = {
  private: 'private',
  carrierGradeNat: 'private',
  uniqueLocal: 'private',
  loopback: 'loopback',
  unicast: 'public',
};

const MODE_ALLOWS: Readonly<Record<NetworkMode, readonly AddressKind[]>> = {
  public: ['public'],
  private: ['public', 'private'],
  loopback: ['public', 'private', 'loopback'],
};

/**
 * Classifies an IP address in text form. Whatever is not plainly public, private or loopback
 * (link-local, multicast, reserved, documentation, benchmarking, translated and tunnelled addresses,
 * cloud metadata) is `never`: those forms hide another address or reach no authorization server.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6890.html
 */
export function classifyAddress(text: string): AddressKind {
  if (!ipaddr.isValid(text)) return 'never';
  const address = ipaddr.parse(text);
  if (METADATA_ADDRESSES.includes(address.toNormalizedString())) return 'never';
  const kind = KIND_OF_RANGE[address.range()] ?? 'never';
  return kind === 'public' && !isGlobalUnicast(address) ? 'never' : kind;
}

/** Whether a mode lets a connection to this address be made, over plain http or not. */
export function isAddressAllowed(text: string, mode: NetworkMode, scheme: string): boolean {
  const kind = classifyAddress(text);
  if (scheme === 'http:') return mode === 'loopback' && kind === 'loopback';
  return MODE_ALLOWS[mode].includes(kind);
}

/** The address that a URL's host is, without brackets; undefined: the host is a name. */
export function addressOfHost(hostname: string): string | undefined {
  const text = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return ipaddr.isValid(text) ? text : undefined;
}

function isGlobalUnicast(address: Address): boolean {
  return address.kind() === 'ipv4' || address.match(GLOBAL_UNICAST);
}
