import type { Client } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import type { MongoClient } from 'mongodb';
import { isConnectionId, CONNECTION_ID_RULE } from '../contract/names.js';
import { InputError, toFailure } from '../failures.js';
import { createNetwork, type NetworkMode } from '../network.js';
import { createFileKeyProvider, openDatabase, type KeyProvider } from '../store/index.js';
import type { AccessToken } from './access-token.js';
import { Acquirer } from './acquire.js';
import { ApiRulesReader } from './api-rules.js';
import { createAuthorizedFetch } from './authorized-fetch.js';
import { LifecycleAccess } from './lifecycle-access.js';
import { withParts } from './source-parts.js';
import { TokenMemory } from './token-memory.js';
import { TokenMetrics } from './metrics.js';
import { TokenReader } from './token-reader.js';

/** What a caller of {@link TokenSource.getAccessToken} may ask for. */
export interface GetAccessTokenOptions {
  /** How long the token must still be valid, in milliseconds. Default: the usual leeway. */
  minValidMs?: number | undefined;
  /** The generation an API refused with 401; a newer one is wanted. */
  rejectedGeneration?: number | undefined;
  /** Ends this caller's waiting; others who wait for the same token go on. */
  signal?: AbortSignal | undefined;
}

/** Hands out valid access tokens: from memory, from MongoDB, or obtained by the lifecycle. */
export interface TokenSource {
  /**
   * A valid access token of a connection.
   *
   * @throws ApplicationFailure of the contract's table: `Token.*`, `OAuth.*`, `Connection.not_found`,
   *   `Connection.invalid`, `Store.*`
   */
  getAccessToken(connectionId: string, options?: GetAccessTokenOptions): Promise<AccessToken>;
  /**
   * The global `fetch` with the connection's token added. Redirects are returned, not followed; a
   * 401 leads to one refresh and one more sending, if the body can be sent again.
   *
   * @throws ApplicationFailure as {@link getAccessToken}; `Policy.origin_not_allowed`,
   *   `Policy.network_not_allowed`, `Policy.header_not_allowed`, `Api.unreachable`
   * @see https://www.rfc-editor.org/rfc/rfc6750.html#section-2.1
   */
  fetch(connectionId: string, url: string | URL, init?: RequestInit): Promise<Response>;
  /** Forgets every token and closes what the source opened. */
  close(): Promise<void>;
}

/** How a {@link TokenSource} is made. */
export interface TokenSourceOptions {
  /** A client of one's own, which stays one's own to close, or a URI. */
  mongodb: MongoClient | string;
  /** Where sealing keys come from, or the path of a key file; `access` keys suffice. */
  keys: KeyProvider | string;
  /** Needed outside activities: how Temporal is reached. Inside, the activity's client is used. */
  client?: Client | undefined;
  /** Namespace of the token deployment. Default: the one recorded in MongoDB. */
  namespace?: string | undefined;
  /** Task queue of the token deployment. Default: the one recorded in MongoDB. */
  taskQueue?: string | undefined;
  /** The token deployment's data converter; the application's own is never used. */
  dataConverter?: DataConverter | undefined;
  /** Which addresses may be reached. Default `public`. */
  network?: NetworkMode | undefined;
  /** URL of a proxy for API calls. */
  proxy?: string | undefined;
  /** How many tokens are kept in memory. Default 10 000. */
  maxEntries?: number | undefined;
  /** Age at which a token in memory is looked up again, in milliseconds. Default 5 000. */
  maxAgeMs?: number | undefined;
  /** How long a caller waits for a token request, in milliseconds. Default 30 000. */
  waitMs?: number | undefined;
}

const DEFAULTS = { maxEntries: 10_000, maxAgeMs: 5_000, waitMs: 30_000 };

/**
 * Makes a token source. Nothing is opened or sent before the first call.
 *
 * @example
 * ```ts
 * const tokens = createTokenSource({ mongodb: uri, keys: '/etc/oauth-tokens/access-keys.json' });
 * const response = await tokens.fetch('superservice', 'https://api.superservice.com/v1/things');
 * ```
 */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const maxEntries = positive('maxEntries', options.maxEntries ?? DEFAULTS.maxEntries);
  const maxAgeMs = positive('maxAgeMs', options.maxAgeMs ?? DEFAULTS.maxAgeMs);
  const waitMs = positive('waitMs', options.waitMs ?? DEFAULTS.waitMs);
  const keys =
    typeof options.keys === 'string' ? createFileKeyProvider(options.keys) : options.keys;
  const database = openDatabase(options.mongodb);
  const network = createNetwork({ mode: options.network ?? 'public', proxy: options.proxy });
  const memory = new TokenMemory(maxEntries, maxAgeMs);
  const metrics = new TokenMetrics();
  const reader = new TokenReader(database, keys, memory);
  const lifecycle = new LifecycleAccess(database, options);
  const acquirer = new Acquirer({ reader, memory, lifecycle, metrics, waitMs, maxAgeMs });
  const rules = new ApiRulesReader(database, maxEntries, maxAgeMs);

  function getAccessToken(
    connectionId: string,
    wanted?: GetAccessTokenOptions,
  ): Promise<AccessToken> {
    const known = wanted === undefined ? acquirer.fromMemory(connectionId) : undefined;
    return known ?? acquire(connectionId, wanted ?? {});
  }

  async function acquire(id: string, wanted: GetAccessTokenOptions): Promise<AccessToken> {
    try {
      checkInput(id, wanted);
      return await acquirer.acquire(id, wanted);
    } catch (error) {
      if (wanted.signal?.aborted === true && error === wanted.signal.reason) throw error;
      throw toFailure(error, { connectionId: id });
    }
  }

  const source: TokenSource = {
    getAccessToken,
    fetch: createAuthorizedFetch({ getAccessToken, rules, network, reader }),
    async close() {
      memory.clear();
      await Promise.all([lifecycle.settled(), database.close(), network.close()]);
    },
  };
  return withParts(source, { network, lifecycle });
}

function checkInput(connectionId: unknown, options: GetAccessTokenOptions): void {
  if (!isConnectionId(connectionId)) {
    throw new InputError(`connectionId: must be ${CONNECTION_ID_RULE}.`);
  }
  const { minValidMs, rejectedGeneration } = options;
  if (minValidMs !== undefined && !(Number.isFinite(minValidMs) && minValidMs >= 0)) {
    throw new InputError('minValidMs: must be a number of milliseconds, 0 or more.');
  }
  if (
    rejectedGeneration !== undefined &&
    !(Number.isInteger(rejectedGeneration) && rejectedGeneration >= 0)
  ) {
    throw new InputError('rejectedGeneration: must be the generation of a token, a whole number.');
  }
}

function positive(name: string, value: number): number {
  if (!Number.isFinite(value) || value <= 0)
    throw new TypeError(`${name} must be a number above 0.`);
  return value;
}
