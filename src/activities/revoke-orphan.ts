import { setTimeout as sleep } from 'node:timers/promises';
import { log } from '@temporalio/activity';
import { revokeToken, type CapturedResponse, type TokenQuestion } from '../oauth/index.js';
import type { Secret } from '../secret.js';
import type { IssueDependencies } from './dependencies.js';
import type { RequestPlan } from './plan-request.js';

const TRIES = 3;
const PAUSE_MS = 1_000;
const MAX_REQUEST_MS = 10_000;

/** An answer that came for a connection that is revoked, removed, or of a later consent. */
export interface OrphanedAnswer {
  plan: Pick<RequestPlan, 'connection' | 'client'>;
  response: Pick<CapturedResponse, 'accessToken' | 'refreshToken'>;
  /** The refresh token is left to the revocation under way. */
  refreshTokenKept: boolean;
}

/**
 * Has tokens revoked that nobody will ever use. Best effort: this process alone knows them, and tries
 * three times; what it could not do is in the log.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7009.html#section-2.1
 */
export async function revokeOrphan(
  dependencies: Pick<IssueDependencies, 'network'>,
  { plan, response, refreshTokenKept }: OrphanedAnswer,
): Promise<void> {
  const refreshToken = refreshTokenKept ? null : response.refreshToken;
  const refresh = await revokeOne(dependencies, plan, [refreshToken, 'refresh_token']);
  const access = await revokeOne(dependencies, plan, [response.accessToken, 'access_token']);
  const { connectionId } = plan.connection;
  const seen = { connectionId, refreshToken: refreshTokenKept ? 'kept' : refresh };
  log.warn('An answer came too late to be used', { ...seen, accessToken: access });
}

type OrphanedToken = [token: Secret | null, hint: TokenQuestion['hint']];

async function revokeOne(
  { network }: Pick<IssueDependencies, 'network'>,
  { connection, client }: OrphanedAnswer['plan'],
  [token, hint]: OrphanedToken,
): Promise<'none' | 'revoked' | 'never' | 'failed'> {
  const { revocationEndpoint: endpoint, requestTimeoutMs } = connection.authorizationServer;
  if (token === null) return 'none';
  if (endpoint === null) return 'never';
  const timeoutMs = Math.min(requestTimeoutMs, MAX_REQUEST_MS);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const result = await revokeToken({ endpoint, client, token, hint }, { timeoutMs, network });
      if (result.kind !== 'failed') return result.kind;
      if (result.final || attempt === TRIES) return 'failed';
    } catch {
      // Not allowed by the network setting: nothing was sent, and nothing will be.
      return 'failed';
    }
    await sleep(PAUSE_MS);
  }
}
