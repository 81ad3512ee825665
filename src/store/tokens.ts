import type { Document, Filter } from 'mongodb';
import { afterRejection } from '../contract/backoff.js';
import type { ConnectionRecord } from '../contract/connection-record.js';
import type { TokenState } from '../contract/messages.js';
import type { TokenRecord } from '../contract/token-record.js';
import type { TokenDatabase } from './database.js';
import { tokenRecordOf, type ReadTokenDocument, type TokenDocument } from './documents.js';
import { storeOperation } from './errors.js';
import { replaced } from './pipeline.js';
import { kidOf, type SealContext, type SealedValue } from './sealing.js';

/** A record as it was read, with its sealed access token. */
export interface ReadToken {
  record: TokenRecord;
  access: SealedValue | null;
}

/** Everything but the sealed grant, which callers neither need nor may open; and the clock. */
const READ_PROJECTION: Document = {
  incarnation: 1,
  epoch: 1,
  generation: 1,
  state: 1,
  access: 1,
  kids: 1,
  tokenType: 1,
  scope: 1,
  issuedAt: 1,
  expiresAt: 1,
  refreshAfter: 1,
  lifetimeMs: 1,
  refreshTokenExpiresAt: 1,
  keepAliveAt: 1,
  refreshTokenFingerprint: 1,
  invalid: 1,
  attempt: 1,
  committed: 1,
  unknown: 1,
  'candidates.attemptId': 1,
  'candidates.generation': 1,
  'candidates.at': 1,
  rotationEvidence: 1,
  failures: 1,
  retryAt: 1,
  lastOutcome: 1,
  rejections: 1,
  revocation: 1,
  supersededAt: 1,
  hasGrant: { $ne: ['$grant', null] },
  now: '$$NOW',
};

/** Reads a connection's token record by id; null: there is none. */
export async function readToken(
  database: TokenDatabase,
  connectionId: string,
): Promise<ReadToken | null> {
  const document = await storeOperation('read a token record', () =>
    database.tokens.findOne<ReadTokenDocument>(
      { _id: connectionId },
      { projection: READ_PROJECTION },
    ),
  );
  return document === null ? null : { record: tokenRecordOf(document), access: document.access };
}

/** Which token records are listed. */
export interface TokenPage {
  limit: number;
  /** Go on after this connection; null: from the first one. */
  after: string | null;
  /** How the connection id begins. */
  prefix?: string;
  /** The record's state is one of these. */
  states?: readonly TokenState[];
}

/** Reads a page of token records in the order of their ids; every filter goes by an index. */
export async function listTokens(database: TokenDatabase, page: TokenPage): Promise<TokenRecord[]> {
  const { after, prefix = '', states } = page;
  const ids = {
    ...(after === null ? {} : { $gt: after }),
    // Nothing that begins with the prefix comes after the last character there is.
    ...(prefix === '' ? {} : { $gte: prefix, $lt: `${prefix}\u{10ffff}` }),
  };
  const filter: Filter<TokenDocument> = {
    ...(Object.keys(ids).length === 0 ? {} : { _id: ids }),
    ...(states === undefined ? {} : { state: { $in: [...states] } }),
  };
  const documents = await storeOperation('list token records', () =>
    database.tokens
      .find<ReadTokenDocument>(filter, { projection: { ...READ_PROJECTION, access: 1 } })
      .sort({ _id: 1 })
      .limit(page.limit)
      .toArray(),
  );
  return documents.map(tokenRecordOf);
}

/** What of a record says where its sealed members belong. */
export type SealPlace = Pick<TokenRecord, 'connectionId' | 'incarnation' | 'epoch' | 'generation'>;

/** The place a record's access token is sealed for. */
export function accessTokenContext(
  database: Pick<TokenDatabase, 'name'>,
  place: SealPlace,
): SealContext {
  return tokenContext(database, place, 'access_token');
}

/**
 * The place a record's refresh token is sealed for. As with a client secret, whom it is sent to is
 * part of it.
 */
export function refreshTokenContext(
  database: Pick<TokenDatabase, 'name'>,
  place: SealPlace,
  connection: Pick<ConnectionRecord, 'authorizationServer' | 'client'>,
): SealContext {
  return tokenContext(database, place, `refresh_token|${recipientOf(connection)}`);
}

/**
 * Whom a sealed secret may be sent to: the token endpoint's origin, as which client, and how; and the
 * other origins, if any, at which an endpoint takes secrets.
 */
export function recipientOf({
  authorizationServer: server,
  client,
}: Pick<ConnectionRecord, 'authorizationServer' | 'client'>): string {
  const { origin } = new URL(server.tokenEndpoint);
  const others = [
    server.revocationEndpoint,
    server.introspectionEndpoint,
    server.pushedAuthorizationRequestEndpoint,
    server.deviceAuthorizationEndpoint,
  ].flatMap((endpoint) => (endpoint == null ? [] : [new URL(endpoint).origin]));
  const elsewhere = [...new Set(others)].filter((other) => other !== origin).sort();
  const also = elsewhere.length === 0 ? '' : `|${elsewhere.join('|')}`;
  return `${origin}|${client.clientId}|${client.authentication}${also}`;
}

function tokenContext(
  database: Pick<TokenDatabase, 'name'>,
  { connectionId, incarnation, epoch, generation }: SealPlace,
  purpose: string,
): SealContext {
  return {
    ...{ database: database.name, collection: 'tokens', connectionId },
    ...{ incarnation, epoch, generation, purpose },
  };
}

/** Ids of the keys that sealed members need, for the `kids` field. */
export function kidsOf(...sealed: (SealedValue | null)[]): string[] {
  const kids = sealed.map((value) => (value === null ? null : kidOf(value)));
  return [...new Set(kids.filter((kid): kid is string => kid !== null))];
}

/**
 * Records that an API refused the generation that was read. Only the first to say so writes.
 *
 * @returns whether this call wrote it
 */
export async function rejectGeneration(
  database: TokenDatabase,
  record: TokenRecord,
): Promise<boolean> {
  const { connectionId: _id, incarnation, epoch, generation } = record;
  const rejections = afterRejection(record.rejections, generation, record.now);
  const requestedAt = rejections.requestedAt === null ? null : new Date(rejections.requestedAt);
  const result = await storeOperation('record a refused token', () =>
    database.tokens.updateOne({ _id, incarnation, epoch, generation, invalid: null }, [
      {
        $set: {
          invalid: replaced({ reason: 'rejected', at: '$$NOW' }),
          failures: { $add: ['$failures', 1] },
          rejections: { $literal: { ...rejections, requestedAt } },
        },
      },
    ]),
  );
  return result.modifiedCount === 1;
}
