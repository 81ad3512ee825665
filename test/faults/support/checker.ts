/**
 * The invariants that hold after every scenario, whatever went wrong in it. The ledger of the
 * authorization server is the truth. What is checked is plain data, so that the checker itself can
 * be shown to fail (checker.test.ts).
 */
import { searchForSecrets } from '../../../src/testing/index.js';
import type { TokenState } from '../../../src/contract/messages.js';
import { isKnown, type Exchange } from './exchanges.js';
import type { ApiCall } from './protected-api.js';
import type { ServerRotation } from './rotating-server.js';
import type { Waiter } from './waiters.js';

/** What there is of a connection in the end. */
export interface ObservedConnection {
  connectionId: string;
  /** Of the server; null: no refresh tokens. */
  rotation: ServerRotation | null;
  requestTimeoutMs: number;
  state: TokenState;
  generation: number;
  /** The opened refresh token of the store; null: none. */
  storedRefreshToken: string | null;
  /** The one that the server takes; null: none. */
  liveRefreshToken: string | null;
  /** The one that was imported last: somebody living had it from the start. */
  importedRefreshToken: string | null;
}

/** A scenario when it is over. */
export interface Observation {
  connections: ObservedConnection[];
  exchanges: Exchange[];
  apiCalls: ApiCall[];
  waiters: Waiter[];
  /** No waiter may have waited longer, in milliseconds. */
  waitBoundMs: number;
  /** Texts to search, by where they were found. */
  places: Record<string, string>;
  secrets: string[];
}

/** Something that must never be. */
export interface Violation {
  invariant: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7';
  says: string;
}

/** Checks all seven. @returns every violation; none: the scenario ended well */
export function check(observation: Observation): Violation[] {
  const perConnection = observation.connections.flatMap((connection) => {
    const { connectionId } = connection;
    const own = observation.exchanges.filter((one) => one.connectionId === connectionId);
    return [
      ...presentedTwiceByAccident(connection, own),
      ...lostOrFalselyDead(connection, own),
      ...tooManyRequests(connection, own),
    ];
  });
  return [
    ...perConnection,
    ...leaks(observation),
    ...apiViolations(observation.apiCalls),
    ...waiterViolations(observation),
  ];
}

/** How many refresh tokens were presented more than once. */
export function presentedTwice(exchanges: Exchange[]): number {
  const presented = exchanges.flatMap((one) => (one.presented === null ? [] : [one.presented]));
  return presented.length - new Set(presented).size;
}

/** I1: a refresh token is presented again only when nobody knows what the first time brought. */
function presentedTwiceByAccident(
  { connectionId, rotation, requestTimeoutMs }: ObservedConnection,
  exchanges: Exchange[],
): Violation[] {
  const violations: Violation[] = [];
  exchanges.forEach((again, at) => {
    const first = exchanges.slice(0, at).findLast((one) => one.presented === again.presented);
    if (first === undefined || again.presented === null || again.asker === 'stranger') return;
    const underWay =
      (first.endedAt === null || again.arrivedAt < first.endedAt) &&
      again.arrivedAt < first.arrivedAt + requestTimeoutMs &&
      first.asker !== 'killed';
    const known = isKnown(first) && first.did === 'issued';
    if (underWay)
      violations.push(said('I1', connectionId, 'a second request while one is under way'));
    else if (known && rotation !== 'none') {
      violations.push(said('I1', connectionId, 'a refresh token twice although it was answered'));
    }
  });
  return violations;
}

/** I2 and I3: what a living process received is not lost, and no grant is dead that lives. */
function lostOrFalselyDead(connection: ObservedConnection, exchanges: Exchange[]): Violation[] {
  const { connectionId, rotation, state, storedRefreshToken, liveRefreshToken } = connection;
  if (rotation === null) return [];
  const received = new Set([
    connection.importedRefreshToken,
    ...exchanges
      .filter(({ delivered, asker }) => delivered && asker !== 'killed')
      .map(({ refreshToken }) => refreshToken),
  ]);
  const isDead = state === 'reauthorization_required' || state === 'revoked';
  if (isDead) {
    const lives = liveRefreshToken !== null && received.has(liveRefreshToken);
    return lives ? [said('I3', connectionId, `${state}, and a received refresh token lives`)] : [];
  }
  if (liveRefreshToken !== null && storedRefreshToken === liveRefreshToken) return [];
  return [said('I2', connectionId, `${state}, and its refresh token is not the live one`)];
}

/** I6: one answered request for each generation; the others were refused, lost or not processed. */
function tooManyRequests(
  { connectionId, generation }: ObservedConnection,
  exchanges: Exchange[],
): Violation[] {
  const answered = exchanges.filter((one) => one.did === 'issued' && isKnown(one)).length;
  if (answered <= generation) return [];
  return [said('I6', connectionId, `${answered} answered requests, ${generation} generations`)];
}

/** I4: no secret anywhere, and there was something to search. */
function leaks({ places, secrets }: Observation): Violation[] {
  return Object.entries(places).flatMap(([place, text]): Violation[] => {
    if (text === '') return [said('I4', place, 'there was nothing to search')];
    const found = searchForSecrets(text, secrets);
    if (found.length === 0) return [];
    const which = new Set(found.map(({ secret }) => secretKind(secrets[secret] ?? '')));
    return [said('I4', place, `holds ${[...which].join(', ')}`)];
  });
}

/** What is before the random part of a canary. */
const secretKind = (secret: string): string => /^canary-(.+)-[^-]+$/.exec(secret)?.[1] ?? 'a key';

/** I5: a revoked token may come once before its caller can know; all else is a mistake. */
function apiViolations(calls: ApiCall[]): Violation[] {
  return calls.flatMap(({ allowedOrigin, scheme, token, expiredForMs }): Violation[] => {
    if (!allowedOrigin) {
      return token === 'none' ? [] : [said('I5', 'another origin', `got a token (${token})`)];
    }
    if (scheme !== 'Bearer') return [said('I5', 'the API', `got the scheme ${scheme}`)];
    const right = token === 'live' || token === 'revoked';
    return right
      ? []
      : [said('I5', 'the API', `got a token that is ${token} (${expiredForMs} ms)`)];
  });
}

/** I7: everybody who waited was answered, in time, with a token or a failure of the table. */
function waiterViolations({ waiters, waitBoundMs }: Observation): Violation[] {
  return waiters.flatMap(({ what, startedAt, endedAt, answer }): Violation[] => {
    if (endedAt === null || answer === null) return [said('I7', what, 'still waits')];
    if (endedAt - startedAt > waitBoundMs) {
      return [said('I7', what, `waited ${Math.round(endedAt - startedAt)} ms`)];
    }
    const typed = answer.type === null || /^[A-Z]\w+\.\w+$/.test(answer.type);
    return typed ? [] : [said('I7', what, `ended with ${answer.type}`)];
  });
}

const said = (invariant: Violation['invariant'], where: string, what: string): Violation => ({
  invariant,
  says: `${where}: ${what}`,
});
