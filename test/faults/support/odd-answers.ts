/** Odd answers of an authorization server to a refresh, and what has to become of the grant. */
import { expect } from 'vitest';
import type { TokenReply } from '../../../src/testing/index.js';
import { tokenDocument } from '../../support/token-records.js';
import { until } from '../../support/until.js';
import type { FaultConnection, FaultSystem } from './fault-system.js';
import type { Misbehaviour } from './rotating-server.js';

/** Members of a token answer. */
export type Members = Record<string, unknown>;
type AnswerObject = Exclude<TokenReply, 'reset' | 'hang'>;

/** An answer to the second token request, and what it has to come to. */
export interface Odd {
  misbehaviour: Misbehaviour;
  /** State of the record at the end; `active` when it is not given. */
  state?: string;
  /** Generation at the end: 2 when it is not given. */
  generation?: number;
  /** Token requests in all: 2 when it is not given. */
  requests?: number;
  /** Where a lost answer costs nothing when it is not given. */
  rotation?: FaultConnection['rotation'];
}

/** A server that takes a refresh token again for long enough. */
export const GRACE = { graceMs: 60_000 };
const answerOf = (reply: TokenReply): AnswerObject =>
  reply === 'reset' || reply === 'hang' ? { status: 0 } : reply;
const membersOf = (reply: TokenReply): Members =>
  JSON.parse(String(answerOf(reply).body)) as Members;

/** Tokens in another dress; whoever asked can read them. */
export const dressed = (
  dress: (members: Members) => unknown,
  changes: Partial<AnswerObject> = {},
): Misbehaviour => ({
  arrives: true,
  answers: (processed) => {
    const body = dress(membersOf(processed));
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return { ...answerOf(processed), body: text, ...changes };
  },
});
/** Tokens beside other members. */
export const withMembers = (changes: Members): Misbehaviour =>
  dressed((members) => ({ ...members, ...changes }));

/** The server has rotated, and this is all that is to be had. */
export const lost = (make: (members: Members) => Partial<AnswerObject>): Misbehaviour => ({
  answers: (processed) => ({ status: 200, ...make(membersOf(processed)) }),
});

/** Nothing is issued. */
export const refused = (reply: AnswerObject): Misbehaviour => ({ refuses: reply });

/**
 * Has each answer given to the refresh of a connection of its own, and looks what became of it.
 *
 * @returns how many
 */
export async function answerOddly(fault: FaultSystem, odd: Record<string, Odd>): Promise<number> {
  await fault.startWorker('worker');
  await Promise.all(
    Object.entries(odd).map(async ([name, { misbehaviour, ...expected }], index) => {
      const { rotation = GRACE, state = 'active', generation = 2, requests = 2 } = expected;
      const connectionId = await fault.putExpired(`odd-${index}`, { rotation });
      fault.server.misbehave(connectionId, misbehaviour);
      const answer = await fault.ask(connectionId);
      await until(`${name}: ${state}, generation ${generation}`, async () => {
        const found = await tokenDocument(fault.system, connectionId);
        return found.state === state && found.generation === generation;
      });
      await fault.settled(connectionId);
      expect(fault.server.exchangesOf(connectionId), name).toHaveLength(requests);
      const served = state === 'active' ? { type: null } : { final: true };
      const last = answer.type === null ? answer : await fault.ask(connectionId);
      expect(last, name).toMatchObject(served);
    }),
  );
  return Object.keys(odd).length;
}
