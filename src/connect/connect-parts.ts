import type { AuthorizationParts, RedemptionClient } from '../authorizations/index.js';
import type { StoredConnection } from '../contract/connection-record.js';
import type { TokenRecord } from '../contract/token-record.js';
import { readConnection, readToken, type TokenDatabase } from '../store/index.js';
import type { LifecycleClient } from '../tokens/index.js';
import type { Cookies } from './cookies.js';
import type { Links } from './links.js';
import type { MessageAuth } from './message-auth.js';
import type { RateLimit } from './rate-limit.js';

/** Who speaks to Temporal; found at the first use, because the deployment is recorded in MongoDB. */
export interface TemporalParts {
  redemptions: RedemptionClient;
  lifecycle: LifecycleClient;
  namespace: string;
}

/** What every route works with. */
export interface ConnectParts {
  /** Base URL, without a slash at the end. */
  publicUrl: string;
  /** Its path, without a slash at the end: empty, or `/oauth`. */
  base: string;
  authorization: AuthorizationParts;
  temporal: () => Promise<TemporalParts>;
  links: Links;
  auth: MessageAuth;
  cookies: Cookies;
  /** What operators sign in with; null: there is no overview. */
  operatorToken: string | null;
  /** Where the Temporal UI is; null: nobody said. */
  uiUrl: string | null;
  limits: { begin: RateLimit; signIn: RateLimit; links: RateLimit };
}

/** A connection with its token record. */
export interface FoundConnection {
  connection: StoredConnection;
  record: TokenRecord;
}

/** Reads a connection with its token record; null: there is none. */
export async function findConnection(
  database: TokenDatabase,
  connectionId: string,
): Promise<FoundConnection | null> {
  const [read, token] = await Promise.all([
    readConnection(database, connectionId),
    readToken(database, connectionId),
  ]);
  return read === null || token === null
    ? null
    : { connection: read.connection, record: token.record };
}

/** Where the browser comes back to. */
export const redirectUriOf = ({ publicUrl }: Pick<ConnectParts, 'publicUrl'>): string =>
  `${publicUrl}/callback`;
