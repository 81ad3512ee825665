import type { GrantType } from './grant-type.js';
import type { TokenRef } from './messages.js';

/** Workflow types, activity type and message names of a person's consent, as other SDKs call them. */
export const AUTHORIZE_CONNECTION_WORKFLOW = 'authorizeConnection';
export const REDEEM_AUTHORIZATION_WORKFLOW = 'redeemAuthorization';
export const AUTHORIZED_SIGNAL = 'authorized';
export const AUTHORIZATION_QUERY = 'authorization';

/** Input of the `authorizeConnection` workflow. */
export interface AuthorizeConnectionInput {
  connectionId: string;
  /** How long to wait for the person, in milliseconds. Default 7 days. */
  timeoutMs?: number;
  /** Ask for a new consent although there is a usable one. Default false. */
  reauthorize?: boolean;
  /** Ask for a consent later than this epoch's; says the same as `reauthorize`, from where. */
  afterEpoch?: number;
  /** Somebody else than before may consent. Default false. */
  acceptNewSubject?: boolean;
}

/** Answer of the `authorization` query of `authorizeConnection`: what a person has to do. */
export interface AuthorizationStatus {
  connectionId: string;
  /**
   * `starting`: nothing is known yet; `device`: a person is to enter `userCode` at `verificationUri`;
   * `waiting`: a person is to authorize the connection by its link; `authorized`: it is done.
   */
  phase: 'starting' | 'device' | 'waiting' | 'authorized';
  userCode: string | null;
  verificationUri: string | null;
  verificationUriComplete: string | null;
  /** When the user code ends; another one follows. ISO 8601 UTC. */
  expiresAt: string | null;
  /** When `authorizeConnection` gives up. ISO 8601 UTC; null: its input was wrong. */
  deadline: string | null;
}

/** The signal `authorized`, which wakes whoever waits for a consent. */
export interface AuthorizedSignal {
  connectionId: string;
  /** The epoch that the consent began. */
  epoch: number;
}

/** Input of the `redeemAuthorization` workflow and of its activity. */
export interface RedeemAuthorizationInput {
  connectionId: string;
  authorizationId: string;
}

/** What a person with a device is shown. */
export interface ShownToPerson {
  /** Null: the person answers in a browser. */
  userCode: string | null;
  verificationUri: string | null;
  verificationUriComplete: string | null;
  /** ISO 8601 UTC. */
  expiresAt: string;
}

/** Result of the activities `redeemAuthorization` and `pollDeviceAuthorization`. */
export type RedeemAuthorizationResult =
  | { outcome: 'done'; token: TokenRef; nextLookInMs: null; person: null }
  /** The person has not answered; `nextLookInMs`: when to look, or to poll, again. */
  | { outcome: 'pending'; token: null; nextLookInMs: number; person: ShownToPerson };

/** Input of the activity `startDeviceAuthorization`. */
export interface StartDeviceAuthorizationInput {
  connectionId: string;
  acceptNewSubject: boolean;
}

/** A device authorization that has begun (RFC 8628 §3.2): what is shown to the person. */
export interface DeviceAuthorization {
  authorizationId: string;
  userCode: string;
  verificationUri: string;
  verificationUriComplete: string | null;
  /** ISO 8601 UTC. */
  expiresAt: string;
}

/** Input of the activity `readConsent`. */
export interface ReadConsentInput {
  connectionId: string;
  /** Only a consent later than this epoch's will do; null: any that can be used. */
  afterEpoch: number | null;
  /** Register the calling workflow for the signal `authorized` unless the consent is there. */
  park: boolean;
}

/** What `readConsent` found. */
export interface ConsentView {
  grantType: GrantType;
  epoch: number;
  /** The consent that was asked for is there. */
  authorized: boolean;
}

const AUTHORIZATION_WORKFLOW_PREFIX = 'oauth-authorization/';

/** The id of the one workflow that redeems an authorization. */
export function authorizationWorkflowId(authorizationId: string): string {
  return `${AUTHORIZATION_WORKFLOW_PREFIX}${authorizationId}`;
}

const AUTHORIZATION_ID = /^[A-Za-z0-9_-]{22}$/;

/** Whether a value is a well-formed `authorizationId`: 16 random bytes, and no secret. */
export function isAuthorizationId(value: unknown): value is string {
  return typeof value === 'string' && AUTHORIZATION_ID.test(value);
}
