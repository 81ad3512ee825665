import { activityInfo, log } from '@temporalio/activity';
import type {
  RedeemAuthorizationInput,
  RedeemAuthorizationResult,
} from '../contract/consent-messages.js';
import { nextRedemptionStep, startRedemption } from '../contract/redemption.js';
import type { RedemptionEffect } from '../contract/redemption-steps.js';
import { tokenRefOf } from '../contract/token-record.js';
import { failure, recordedFailure, toFailure } from '../failures.js';
import { readToken } from '../store/index.js';
import type { RedemptionDependencies } from './dependencies.js';
import { withHeartbeats } from './heartbeats.js';
import { RedemptionEffects } from './redemption-effects.js';

/**
 * Makes the activity that redeems an authorization: the only place from which a code is sent. The
 * redemption machine (`contract/redemption.ts`) decides; this carries its effects out. Safe to run
 * twice: the machine first looks where the authorization stands, and every write is
 * compare-and-set. With a device it asks once, and says when to ask again.
 */
export function createRedeemAuthorization(dependencies: RedemptionDependencies) {
  return async function redeemAuthorization(
    input: RedeemAuthorizationInput,
  ): Promise<RedeemAuthorizationResult> {
    const { connectionId } = input;
    try {
      return await withHeartbeats(connectionId, () => redeem(dependencies, input));
    } catch (error) {
      throw toFailure(error, { connectionId });
    }
  };
}

async function redeem(
  dependencies: RedemptionDependencies,
  { connectionId, authorizationId }: RedeemAuthorizationInput,
): Promise<RedeemAuthorizationResult> {
  const effects = new RedemptionEffects(dependencies, authorizationId);
  const { attempt } = activityInfo();
  let { state, effect } = startRedemption();
  for (;;) {
    if (effect.do === 'return') return result(dependencies, effects, effect);
    if (effect.do === 'fail') throw failureOf(effect, effects, connectionId);
    const event = await effects.carryOut(effect);
    const { record } = effects;
    if (record !== null && record.connectionId !== connectionId) {
      const detail = 'The authorization is of another connection.';
      throw failure('Connection.invalid', { connectionId, detail });
    }
    ({ state, effect } = nextRedemptionStep(state, event, attempt));
  }
}

/** What could not be prepared says so itself; everything else is a row of the table. */
function failureOf(
  { type, final, retryInMs }: Extract<RedemptionEffect, { do: 'fail' }>,
  { planError, httpStatus }: RedemptionEffects,
  connectionId: string,
): unknown {
  const about = { connectionId, final, nextRetryDelayMs: retryInMs ?? undefined };
  if (planError !== null) return toFailure(planError, about);
  const detail = httpStatus === null ? undefined : `(HTTP ${httpStatus})`;
  return recordedFailure(type, { ...about, detail });
}

async function result(
  { database }: RedemptionDependencies,
  { record }: RedemptionEffects,
  effect: Extract<RedemptionEffect, { do: 'return' }>,
): Promise<RedeemAuthorizationResult> {
  if (record === null) throw new TypeError('An authorization without its record.');
  const { connectionId } = record;
  if (effect.outcome === 'pending') {
    const { userCode, verificationUri, verificationUriComplete } = record;
    const expiresAt = new Date(record.expiresAt).toISOString();
    return {
      ...{ outcome: 'pending', token: null, nextLookInMs: effect.inMs },
      person: { userCode, verificationUri, verificationUriComplete, expiresAt },
    };
  }
  const now = await readToken(database, connectionId);
  if (now === null) throw failure('Connection.not_found', { connectionId });
  const token = tokenRefOf(now.record);
  log.info('A person has authorized the connection', { ...token });
  return { outcome: 'done', token, nextLookInMs: null, person: null };
}
