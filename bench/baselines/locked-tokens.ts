import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Collection, MongoClient } from 'mongodb';
import { requestToken } from '../processes/application-activities.js';
import { SingleFlight } from '../../src/tokens/single-flight.js';

/** After this time a lock is taken for left behind, as in the peer that is used most. */
const LOCK_TTL_MS = 10_000;
const POLL_MS = 50;
/** A token is renewed when it has less than this left. */
const LEEWAY_MS = 1_000;

interface LockedToken {
  _id: string;
  accessToken: string;
  expiresAt: Date;
  lock: { owner: string; until: Date } | null;
}

/** Where the tokens of a connection come from. */
export interface LockedConnection {
  connectionId: string;
  tokenEndpoint: string;
  lifetimeS: number;
}

/**
 * Tokens as peers share them among processes: one caller a process, a lock in the shared store that
 * expires, waited for by polling; whoever has it reads the token again before requesting one. What
 * peers get wrong is right here: the lock has an owner, and nobody but the owner gives it back.
 * Tokens lie in plain text, so it pays for no encryption either.
 */
export class LockedTokens {
  readonly #tokens: Collection<LockedToken>;
  readonly #flights = new SingleFlight<string>();

  constructor(mongodb: MongoClient) {
    this.#tokens = mongodb
      .db()
      .collection<LockedToken>('locked', { writeConcern: { w: 'majority', journal: true } });
  }

  /** A valid access token; callers of one process share the read and the renewal. */
  getAccessToken(connection: LockedConnection): Promise<string> {
    const { connectionId } = connection;
    return this.#flights.run(connectionId, async () => {
      const known = await this.#tokens.findOne({ _id: connectionId });
      return known !== null && isFresh(known) ? known.accessToken : this.#renew(connection);
    });
  }

  /** Lets the stored token expire. */
  async expire(connectionId: string): Promise<void> {
    await this.#tokens.updateOne(
      { _id: connectionId },
      { $set: { expiresAt: new Date(0), accessToken: '', lock: null } },
      { upsert: true },
    );
  }

  async #renew({ connectionId, tokenEndpoint, lifetimeS }: LockedConnection): Promise<string> {
    const owner = randomUUID();
    for (;;) {
      const held = await this.#lock(connectionId, owner);
      if (held !== null && isFresh(held)) {
        await this.#unlock(connectionId, owner);
        return held.accessToken;
      }
      if (held !== null) break;
      await sleep(POLL_MS);
    }
    const accessToken = await requestToken(tokenEndpoint, connectionId);
    const expiresAt = new Date(Date.now() + lifetimeS * 1_000);
    await this.#tokens.updateOne({ _id: connectionId }, { $set: { accessToken, expiresAt } });
    await this.#unlock(connectionId, owner);
    return accessToken;
  }

  /** Takes the lock if it is free or left behind; null: somebody else has it. */
  #lock(connectionId: string, owner: string): Promise<LockedToken | null> {
    const now = new Date();
    return this.#tokens.findOneAndUpdate(
      { _id: connectionId, $or: [{ lock: null }, { 'lock.until': { $lt: now } }] },
      { $set: { lock: { owner, until: new Date(now.getTime() + LOCK_TTL_MS) } } },
      { returnDocument: 'after' },
    );
  }

  async #unlock(connectionId: string, owner: string): Promise<void> {
    await this.#tokens.updateOne(
      { _id: connectionId, 'lock.owner': owner },
      { $set: { lock: null } },
    );
  }
}

const isFresh = ({ expiresAt }: LockedToken): boolean =>
  expiresAt.getTime() - Date.now() > LEEWAY_MS;
