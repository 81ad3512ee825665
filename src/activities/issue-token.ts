import { activityInfo, log } from '@temporalio/activity';
import type { IssueTokenInput, IssueTokenResult } from '../contract/messages.js';
import { nextRotationStep, startRotation } from '../contract/rotation.js';
import type { RotationEffect, RotationFacts } from '../contract/rotation-steps.js';
import { tokenRefOf, type TokenRecord } from '../contract/token-record.js';
import { failure, recordedFailure, toFailure } from '../failures.js';
import { readTokenWithGrant, type ReadConnection } from '../store/index.js';
import { withUntold } from './announce-events.js';
import type { IssueDependencies } from './dependencies.js';
import { withHeartbeats } from './heartbeats.js';
import { viewOf } from './lifecycle-view.js';
import { RotationEffects } from './rotation-effects.js';

/**
 * Makes the `issueToken` activity: the only place from which a token is requested. The rotation
 * machine (`contract/rotation.ts`) decides; this carries its effects out. Safe to run twice: the
 * machine first looks whether the record already holds what was asked for, and every write is
 * compare-and-set.
 */
export function createIssueToken(dependencies: IssueDependencies) {
  return async function issueToken(input: IssueTokenInput): Promise<IssueTokenResult> {
    const { connectionId } = input;
    try {
      return await withHeartbeats(connectionId, () => issue(dependencies, input));
    } catch (error) {
      throw toFailure(error, { connectionId });
    }
  };
}

async function issue(
  dependencies: IssueDependencies,
  input: IssueTokenInput,
): Promise<IssueTokenResult> {
  const effects = new RotationEffects(dependencies, input.connectionId);
  const attempt = activityInfo().attempt + input.priorAttempts;
  let { state, effect } = startRotation();
  try {
    for (;;) {
      if (effect.do === 'return') return await finished(dependencies, effects, effect.outcome);
      if (effect.do === 'fail') throw failureOf(effect, effects, input.connectionId);
      const event = await effects.carryOut(effect);
      const { grantType, rotation } = effects.connection?.grant ?? NO_GRANT;
      const facts: RotationFacts = { input, grantType, rotation, attempt };
      ({ state, effect } = nextRotationStep(state, event, facts));
    }
  } finally {
    await effects.close();
  }
}

const NO_GRANT = { grantType: 'client_credentials', rotation: null } as const;

/** What could not be prepared says so itself; everything else is a row of the table. */
function failureOf(
  { type, final, retryInMs }: Extract<RotationEffect, { do: 'fail' }>,
  effects: RotationEffects,
  connectionId: string,
): unknown {
  const nextRetryDelayMs = retryInMs ?? undefined;
  if (effects.planError !== null) {
    return toFailure(effects.planError, { connectionId, nextRetryDelayMs });
  }
  const { httpStatus } = effects;
  const detail = httpStatus === null ? undefined : `(HTTP ${httpStatus})`;
  return recordedFailure(type, { connectionId, final, detail, nextRetryDelayMs });
}

/** Step S9: what the record holds now, which is what callers will read. */
async function finished(
  dependencies: IssueDependencies,
  { read, token }: RotationEffects,
  outcome: IssueTokenResult['outcome'],
): Promise<IssueTokenResult> {
  if (read === null || token === null) throw new TypeError('A token without its record.');
  const { connectionId } = read.connection;
  if (outcome === 'current') return result(dependencies, read, token.record, outcome);
  const now = await readTokenWithGrant(dependencies.database, connectionId);
  if (now === null) throw failure('Connection.not_found', { connectionId });
  if (now.record.state === 'quarantined') {
    throw failure('OAuth.malformed_response', { connectionId, final: true });
  }
  log.info('Token issued', { ...tokenRefOf(now.record) });
  return result(dependencies, read, now.record, outcome);
}

async function result(
  dependencies: IssueDependencies,
  { connection }: ReadConnection,
  record: TokenRecord,
  outcome: IssueTokenResult['outcome'],
): Promise<IssueTokenResult> {
  const view = viewOf(connection, record, dependencies.searchAttributes);
  return { ...(await withUntold(dependencies, view)), outcome, token: tokenRefOf(record) };
}
