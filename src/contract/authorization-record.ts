/** How a person is asked: in a browser that comes back, or on a device of their own (RFC 8628). */
export type AuthorizationKind = 'authorization_code' | 'device_code';

/**
 * Where an authorization stands. `pending`: the person has not answered. `received`: the code is
 * here. `redeeming`: a token request with it is under way. `captured`: its answer is stored and not
 * yet judged. `done` and `failed` are ends.
 */
export type AuthorizationPhase =
  'pending' | 'received' | 'redeeming' | 'captured' | 'done' | 'failed';

/** The intent of a token request: written before anything is sent. */
export interface RedemptionAttempt {
  id: string;
  /** Who makes it, for people. */
  worker: string;
  sentAt: number;
  /** Until then nobody else may send. */
  deadline: number;
}

/** How an authorization ended. */
export interface AuthorizationOutcome {
  at: number;
  /** Failure type; null: it brought tokens. */
  type: string | null;
  /** Epoch and generation of the tokens; null: it brought none. */
  epoch: number | null;
  generation: number | null;
}

/**
 * The plain part of an authorization: one try of one person to authorize a connection. Times are
 * milliseconds of MongoDB's clock, `now` included.
 */
export interface AuthorizationRecord {
  authorizationId: string;
  connectionId: string;
  /** Of the token record: a connection that was removed and put anew is another one. */
  incarnation: string;
  kind: AuthorizationKind;
  phase: AuthorizationPhase;
  /** A person of another subject than the stored one may consent. */
  acceptNewSubject: boolean;
  /** What a device shows to its person; null with a browser. */
  userCode: string | null;
  verificationUri: string | null;
  verificationUriComplete: string | null;
  /** Pause between two polls; grows when the server says so. */
  intervalMs: number;
  /** No poll before then. */
  pollAfter: number | null;
  /** When the code came; null: none came. */
  receivedAt: number | null;
  attempt: RedemptionAttempt | null;
  /** Token requests whose outcome was never learned. */
  unknown: number;
  /** As of when the connection was read for it. */
  createdAt: number;
  expiresAt: number;
  outcome: AuthorizationOutcome | null;
  /** MongoDB's clock when the record was read. */
  now: number;
}
