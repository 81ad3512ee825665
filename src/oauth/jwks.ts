import type { JSONWebKeySet } from 'jose';
import { networkPolicyErrorOf, type Network } from '../network.js';
import { exchangeHttp } from './http-exchange.js';
import { decodeBody } from './response-body.js';

/** A key set as it was last read. */
export interface CachedKeySet {
  readonly keySet: JSONWebKeySet;
  /** How long ago it was read, in milliseconds. */
  readonly ageMs: number;
}

/** The signing keys of authorization servers, kept for a while. */
export interface KeySets {
  /**
   * Reads a key set, or takes the one that was read at most `maxAgeMs` ago. Undefined: it cannot be
   * had now.
   *
   * @throws NetworkPolicyError when the network setting does not allow the address.
   */
  read(jwksUri: string, maxAgeMs: number): Promise<CachedKeySet | undefined>;
}

/** How key sets are read. */
export interface KeySetsOptions {
  readonly network: Pick<Network, 'assertUrlAllowed' | 'requestDispatcher'>;
  /** For one key set. */
  readonly timeoutMs: number;
}

/** More servers than a process talks to at once; the one read longest ago goes first. */
const MAX_KEY_SETS = 200;
const MAX_KEYS = 200;
const MAX_CONNECT_MS = 5_000;

interface Entry {
  readonly keySet: JSONWebKeySet;
  readonly readAt: number;
}

/**
 * Makes the memory of key sets. Callers of one process share one request for the same set.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7517.html#section-5
 */
export function createKeySets(options: KeySetsOptions): KeySets {
  const entries = new Map<string, Entry>();
  const underWay = new Map<string, Promise<Entry | undefined>>();

  async function readAnew(jwksUri: string): Promise<Entry | undefined> {
    const keySet = await requestKeySet(jwksUri, options);
    if (keySet === undefined) return undefined;
    const entry = { keySet, readAt: performance.now() };
    entries.delete(jwksUri);
    entries.set(jwksUri, entry);
    const [oldest] = entries.keys();
    if (entries.size > MAX_KEY_SETS && oldest !== undefined) entries.delete(oldest);
    return entry;
  }

  function readOnce(jwksUri: string): Promise<Entry | undefined> {
    const running = underWay.get(jwksUri);
    if (running !== undefined) return running;
    const reading = readAnew(jwksUri).finally(() => underWay.delete(jwksUri));
    underWay.set(jwksUri, reading);
    return reading;
  }

  return {
    async read(jwksUri, maxAgeMs) {
      const kept = entries.get(jwksUri);
      const isYoung = kept !== undefined && performance.now() - kept.readAt <= maxAgeMs;
      const entry = isYoung ? kept : await readOnce(jwksUri);
      if (entry === undefined) return undefined;
      return { keySet: entry.keySet, ageMs: performance.now() - entry.readAt };
    },
  };
}

async function requestKeySet(
  jwksUri: string,
  { network, timeoutMs }: KeySetsOptions,
): Promise<JSONWebKeySet | undefined> {
  if (!URL.canParse(jwksUri)) return undefined;
  const url = new URL(jwksUri);
  network.assertUrlAllowed(url);
  const exchange = await exchangeHttp(
    {
      url,
      method: 'GET',
      headers: {
        accept: 'application/jwk-set+json, application/json',
        'accept-encoding': 'identity',
        'user-agent': 'temporal-oauth-tokens',
      },
      body: null,
    },
    {
      dispatcher: network.requestDispatcher({
        connectTimeoutMs: Math.min(timeoutMs, MAX_CONNECT_MS),
      }),
      timeoutMs,
    },
  );
  const refused = networkPolicyErrorOf(exchange.error);
  if (refused !== undefined) throw refused;
  if (exchange.status !== 200 || exchange.end !== 'complete') return undefined;
  const { text, complete } = await decodeBody(exchange.body, exchange.headers['content-encoding']);
  return complete ? keySetOf(text) : undefined;
}

/** Keys that are no objects are left out; what is in the others is for the library to judge. */
function keySetOf(text: string): JSONWebKeySet | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('keys' in value)) return undefined;
    if (!Array.isArray(value.keys) || value.keys.length > MAX_KEYS) return undefined;
    const keys: unknown[] = value.keys;
    return { keys: keys.filter(isJwk) };
  } catch {
    // The parser's message quotes the text.
    return undefined;
  }
}

function isJwk(value: unknown): value is JSONWebKeySet['keys'][number] {
  return typeof value === 'object' && value !== null && 'kty' in value;
}
