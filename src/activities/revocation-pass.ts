import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { revocationDelayMs } from '../contract/decide-revocation.js';
import { FAILURES, oauthFailureType, type FailureType } from '../contract/failure-types.js';
import type { Revoked, RevokeEpochInput } from '../contract/messages.js';
import { failure, failureTypeOf } from '../failures.js';
import { revokeToken, type TokenQuestion, type TokenQuestionFailure } from '../oauth/index.js';
import { Secret } from '../secret.js';
import {
  accessTokenContext,
  openSealed,
  recordRevocationFailure,
  recordRevoked,
  type ReadConnection,
  type ReadTokenWithGrant,
} from '../store/index.js';
import type { IssueDependencies } from './dependencies.js';
import { openClient, openRefreshToken } from './open-tokens.js';

/** What a pass works with. */
export interface RevocationParts {
  read: ReadConnection;
  token: ReadTokenWithGrant;
  input: RevokeEpochInput;
}

/** One pass over the tokens of a record: asks for each, and erases it when the server has answered. */
export class RevocationPass {
  readonly #dependencies: IssueDependencies;
  readonly #parts: RevocationParts;

  constructor(dependencies: IssueDependencies, parts: RevocationParts) {
    this.#dependencies = dependencies;
    this.#parts = parts;
  }

  /**
   * The refresh tokens first: most servers end the access tokens with them.
   *
   * @throws ApplicationFailure when the server did not confirm; StoreError, NetworkPolicyError
   */
  async revokeAll(): Promise<void> {
    const { database } = this.#dependencies;
    const { record, access, grant, candidates } = this.#parts.token;
    try {
      if (grant !== null || candidates.length > 0) {
        const marks = [];
        for (const token of await this.#refreshTokens()) {
          marks.push(await this.#revoke(token, 'refresh_token'));
        }
        const refreshToken = marks.includes('never') ? 'never' : true;
        const handled = candidates.map(({ attemptId }) => attemptId);
        await recordRevoked(database, record, { refreshToken, candidates: handled });
      }
      if (access !== null) {
        const accessToken = await this.#revoke(await this.#accessToken(), 'access_token');
        await recordRevoked(database, record, { accessToken });
      }
    } catch (error) {
      const type = error instanceof ApplicationFailure ? null : failureTypeOf(error);
      // A refusal of ours, before anything was sent, is shown like one of the server.
      if (type !== null && type !== 'Store.unavailable') {
        await recordRevocationFailure(database, record, { type, retryInMs: null });
      }
      throw error;
    }
  }

  async #refreshTokens(): Promise<(Secret | null)[]> {
    if (this.#endpoint === null) return [null];
    const { read, token } = this.#parts;
    const { record, grant, candidates } = token;
    const own = grant === null ? [] : [{ place: record, sealed: grant }];
    const others = candidates.map(({ generation, grant: sealed }) => ({
      ...{ place: { ...record, generation }, sealed },
    }));
    return Promise.all(
      [...own, ...others].map((one) => openRefreshToken(this.#dependencies, read.connection, one)),
    );
  }

  async #accessToken(): Promise<Secret | null> {
    const { database, keys } = this.#dependencies;
    const { record, access } = this.#parts.token;
    if (this.#endpoint === null || access === null) return null;
    return new Secret(await openSealed(keys, access, accessTokenContext(database, record)));
  }

  get #endpoint(): string | null {
    return this.#parts.read.connection.authorizationServer.revocationEndpoint;
  }

  /** Null: there is no endpoint to send it to, so it need not be opened. */
  async #revoke(token: Secret | null, hint: TokenQuestion['hint']): Promise<Revoked> {
    const endpoint = this.#endpoint;
    if (token === null || endpoint === null) return 'never';
    const { read } = this.#parts;
    const { requestTimeoutMs: timeoutMs } = read.connection.authorizationServer;
    const client = await openClient(this.#dependencies, read);
    const { network } = this.#dependencies;
    const question = { endpoint, client, token, hint };
    const result = await revokeToken(question, { timeoutMs, network });
    if (result.kind === 'failed') throw await this.#refusal(result);
    return result.kind === 'never' ? 'never' : true;
  }

  /** The token is assumed alive: says so, and when the server is asked again. */
  async #refusal(refusal: TokenQuestionFailure): Promise<ApplicationFailure> {
    const { database } = this.#dependencies;
    const { input, token } = this.#parts;
    const { connectionId, priorAttempts } = input;
    const type = questionFailureType(refusal);
    const final = refusal.final || FAILURES[type].final;
    const attempt = activityInfo().attempt + priorAttempts;
    const retryInMs = final ? null : revocationDelayMs(attempt, refusal.retryAfterMs);
    await recordRevocationFailure(database, token.record, { type, retryInMs });
    const detail = refusal.httpStatus === null ? undefined : `(HTTP ${refusal.httpStatus})`;
    return failure(type, {
      ...{ connectionId, final, detail },
      nextRetryDelayMs: retryInMs ?? undefined,
    });
  }
}

/** The row of the failure table for an answer about a token that is of no use. */
export function questionFailureType({ code }: TokenQuestionFailure): FailureType {
  return code === 'network_not_allowed' ? 'Policy.network_not_allowed' : oauthFailureType(code);
}
