import type { ConsentView, ReadConsentInput } from '../contract/consent-messages.js';
import { needsPerson } from '../contract/grant-type.js';
import type { ConnectionInput } from '../contract/messages.js';
import { hasConsent } from '../contract/parking.js';
import { failure, toFailure } from '../failures.js';
import { readConnection, readToken } from '../store/index.js';
import { wakeParked } from '../tokens/index.js';
import type { IssueDependencies } from './dependencies.js';
import { withHeartbeats } from './heartbeats.js';
import { registerCaller } from './parking.js';

/** What {@link createWakeParked} did. */
export interface WakeParkedResult {
  woken: number;
}

/**
 * Makes the activity that wakes whoever waits for a connection. Safe to run twice: those it woke are
 * forgotten, and a signal too many is of no consequence.
 */
export function createWakeParked({ database, notices }: IssueDependencies) {
  return async function wakeParkedActivity(input: ConnectionInput): Promise<WakeParkedResult> {
    const { connectionId } = input;
    try {
      const wake = () => wakeParked(database, notices, connectionId);
      return { woken: await withHeartbeats(connectionId, wake) };
    } catch (error) {
      throw toFailure(error, { connectionId });
    }
  };
}

/**
 * Makes the activity that looks whether a consent is there, and registers its workflow for the wake-up
 * while it is not. Safe to run twice: registering again says the same.
 *
 * @throws ApplicationFailure `Connection.not_found`; `Connection.invalid` when no person is ever needed
 */
export function createReadConsent(dependencies: IssueDependencies) {
  return async function readConsent(input: ReadConsentInput): Promise<ConsentView> {
    const { connectionId, park } = input;
    try {
      const view = await look(dependencies, input);
      if (view.authorized || !park) return view;
      await registerCaller(dependencies.database, connectionId);
      // Only now: a consent before the registration woke everybody but this one.
      return await look(dependencies, input);
    } catch (error) {
      throw toFailure(error, { connectionId });
    }
  };
}

async function look(
  { database }: IssueDependencies,
  { connectionId, afterEpoch }: ReadConsentInput,
): Promise<ConsentView> {
  const [read, token] = await Promise.all([
    readConnection(database, connectionId),
    readToken(database, connectionId),
  ]);
  if (read === null || token === null) throw failure('Connection.not_found', { connectionId });
  const { grantType } = read.connection.grant;
  if (!needsPerson(grantType)) {
    const detail = `grant.grantType is ${grantType}, which needs no person.`;
    throw failure('Connection.invalid', { connectionId, detail });
  }
  const { record } = token;
  return { grantType, epoch: record.epoch, authorized: hasConsent(record, afterEpoch) };
}
