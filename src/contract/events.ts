import { isAuthorized } from './parking.js';
import type { TokenState } from './messages.js';
import type { TokenRecord } from './token-record.js';

/** What is told of a connection, as the `type` of its event. */
export type TokenEventType =
  | 'token.reauthorization_required'
  | 'token.recovered'
  | 'token.at_risk'
  | 'refresh_token.expiring'
  | 'connection.authorized'
  | 'connection.revoked';

/** What an event says beside its type. There is no secret in it. */
export interface TokenEventData {
  connectionId: string;
  state: TokenState;
  epoch: number;
  generation: number;
  /** Failure type of the last token request; null: it succeeded, or there was none. */
  failureType: string | null;
  /** `refresh_token.expiring` only: ISO 8601 UTC. */
  refreshTokenExpiresAt?: string;
  /** `refresh_token.expiring` only: which of the configured notices it is. */
  daysAhead?: number;
}

/** An event, in the JSON form of CloudEvents 1.0. */
export interface TokenEvent {
  specversion: '1.0';
  /** The same however often it is delivered. */
  id: string;
  /** Which deployment it comes from. */
  source: string;
  type: TokenEventType;
  /** The connection. */
  subject: string;
  /** When it was noticed, ISO 8601 UTC. */
  time: string;
  datacontenttype: 'application/json';
  /** Number among the connection's events: a later one may arrive first. */
  sequence: string;
  data: TokenEventData;
}

/** The states that are told of; of the others the last one told stays. */
export type ToldState = 'active' | 'at_risk' | 'reauthorization_required' | 'revoked';

/** What was told of a connection so far. */
export interface Announced {
  /** Number of the last event. */
  seq: number;
  state: ToldState;
  epoch: number;
  /** The notice of a refresh token's end that was given; null: none. */
  expiring: { expiresAt: number; days: number } | null;
}

/** An event before it has a source. */
export interface NumberedEvent {
  seq: number;
  type: TokenEventType;
  time: string;
  data: TokenEventData;
}

/** Of a record, what events are made from. */
export type EventRecord = Pick<
  TokenRecord,
  | 'connectionId'
  | 'state'
  | 'epoch'
  | 'generation'
  | 'hasAccessToken'
  | 'hasRefreshToken'
  | 'invalid'
  | 'lastOutcome'
  | 'refreshTokenExpiresAt'
  | 'now'
> & { refreshTokenLifetimeMs: number | null };

/** How many days ahead a refresh token's end is told, unless the deployment says otherwise. */
export const EXPIRY_NOTICE_DAYS: readonly number[] = [30, 7, 1];

const DAY_MS = 24 * 3_600_000;
/** A notice that would come with nearly every new refresh token says nothing. */
const NOTICE_SHARE = 0.9;
/** Servers that count down to one end are off by a little each time they tell what is left. */
export const SAME_END_MS = 3_600_000;

/** What counts as told of a record of which nothing was told yet. */
export function firstAnnounced(record: Pick<TokenRecord, 'epoch'>): Announced {
  return { seq: 0, state: 'active', epoch: record.epoch, expiring: null };
}

/**
 * The events between what was told of a connection and its record as it is. What came and went in
 * between is not told; where it ended always is.
 *
 * @param announced - what was told
 * @param record - as it was read
 * @param noticeDays - how many days ahead the end of a refresh token is told
 */
export function eventsSince(
  announced: Announced,
  record: EventRecord,
  noticeDays: readonly number[] = EXPIRY_NOTICE_DAYS,
): { events: NumberedEvent[]; announced: Announced } {
  const told: Announced = { ...announced };
  const events: NumberedEvent[] = [];
  const tell = (type: TokenEventType, more: Partial<TokenEventData> = {}): void => {
    told.seq += 1;
    const time = new Date(record.now).toISOString();
    events.push({ seq: told.seq, type, time, data: { ...dataOf(record), ...more } });
  };

  const authorized = isAuthorized(record) && record.epoch > announced.epoch;
  if (authorized) {
    told.epoch = record.epoch;
    tell('connection.authorized');
  }
  const change = changeOf(announced, record);
  if (change !== null) {
    told.state = change.state;
    told.epoch = record.epoch;
    tell(change.type);
  }
  const notice = noticeOf(announced, record, noticeDays);
  if (notice !== null) {
    told.expiring = notice;
    const refreshTokenExpiresAt = new Date(notice.expiresAt).toISOString();
    tell('refresh_token.expiring', { refreshTokenExpiresAt, daysAhead: notice.days });
  }
  return { events, announced: told };
}

function dataOf({ connectionId, state, epoch, generation, lastOutcome }: EventRecord) {
  const failureType = lastOutcome?.type ?? null;
  return { connectionId, state, epoch, generation, failureType };
}

/** The change of state that is to be told; null: none. */
function changeOf(
  announced: Announced,
  record: EventRecord,
): { state: ToldState; type: TokenEventType } | null {
  const { state } = record;
  // A grant that dies again after another consent is news, although the state was told before.
  const again = record.epoch > announced.epoch;
  switch (state) {
    case 'reauthorization_required':
      if (announced.state === state && !again) return null;
      return { state, type: 'token.reauthorization_required' };
    case 'revoked':
      return announced.state === state && !again ? null : { state, type: 'connection.revoked' };
    case 'at_risk':
      return announced.state === state ? null : { state, type: 'token.at_risk' };
    case 'active':
      // Another grant alone is no recovery: the token it brings is.
      if (announced.state === state || !record.hasAccessToken) return null;
      return { state, type: 'token.recovered' };
    case 'blocked':
    case 'quarantined':
    case 'revoking':
      return null;
    default:
      return state satisfies never;
  }
}

/** The notice of the refresh token's end that is to be given; null: none, or it was given. */
function noticeOf(
  { expiring }: Announced,
  record: EventRecord,
  noticeDays: readonly number[],
): Announced['expiring'] {
  const { refreshTokenExpiresAt: expiresAt, refreshTokenLifetimeMs, now } = record;
  if (expiresAt === null || !record.hasRefreshToken || !isAuthorized(record)) return null;
  const leftMs = expiresAt - now;
  const longest = (refreshTokenLifetimeMs ?? Infinity) * NOTICE_SHARE;
  const due = noticeDays.filter((days) => leftMs <= days * DAY_MS && days * DAY_MS <= longest);
  if (due.length === 0) return null;
  const days = Math.min(...due);
  // A refresh token that was renewed since is another one.
  const renewed = expiring === null || expiresAt > expiring.expiresAt + SAME_END_MS;
  return days < (renewed ? Infinity : expiring.days) ? { expiresAt, days } : null;
}

/** When a look at the end of a refresh token may find something to tell: the longest notice, in ms. */
export function longestNoticeMs(noticeDays: readonly number[]): number {
  return Math.max(0, ...noticeDays) * DAY_MS;
}

/** The event's whole JSON form. */
export function tokenEventOf(
  { seq, type, time, data }: NumberedEvent,
  origin: { source: string; incarnation: string },
): TokenEvent {
  return {
    specversion: '1.0',
    id: eventId(data.connectionId, origin.incarnation, seq),
    source: origin.source,
    type,
    subject: data.connectionId,
    time,
    datacontenttype: 'application/json',
    // Of one length, as the extension wants it: they are compared as texts.
    sequence: String(seq).padStart(10, '0'),
    data,
  };
}

/** An event's id: of one connection's token record, by number. */
function eventId(connectionId: string, incarnation: string, seq: number): string {
  return `${connectionId}/${incarnation}.${seq}`;
}

/** The id of the one workflow that delivers an event. */
export function eventWorkflowId({ id }: Pick<TokenEvent, 'id'>): string {
  return `oauth-event/${id}`;
}

/** Input of the `deliverEvent` workflow. */
export interface DeliverEventInput {
  event: TokenEvent;
  /** Post it to the deployment's webhook, whose address only the worker knows. */
  webhook: boolean;
  /** The activity of one's own it is given to; null: none. */
  activity: { name: string; taskQueue: string } | null;
}

/** Workflow and activity names. */
export const DELIVER_EVENT_WORKFLOW = 'deliverEvent';
