import type { StoredConnection } from '../contract/connection-record.js';
import { FAILURES, isFailureType, type FailureRow } from '../contract/failure-types.js';
import { asksForConsent } from '../contract/grant-type.js';
import type { TokenState } from '../contract/messages.js';
import type { TokenRecord } from '../contract/token-record.js';
import { timeText } from './time-text.js';

/** A state in plain words. */
export interface StateWords {
  /** Two or three words. */
  label: string;
  /** How it is coloured; the words say the same. */
  tone: 'good' | 'waiting' | 'bad' | 'off';
  /** What it means for the person. */
  text: string;
}

/** What a person may do with a connection. */
export interface PersonActions {
  connect: 'Connect' | 'Reconnect' | null;
  disconnect: boolean;
}

/** The states in which something is wrong, or somebody has to act. */
export const TROUBLE: readonly TokenState[] = [
  'at_risk',
  'quarantined',
  'blocked',
  'reauthorization_required',
];

/** Every state with the label that the overview filters by. */
export const STATE_LABELS: Readonly<Record<TokenState, string>> = {
  active: 'Connected',
  at_risk: 'At risk',
  quarantined: 'On hold',
  blocked: 'Not working',
  reauthorization_required: 'Needs consent',
  revoking: 'Being revoked',
  revoked: 'Disconnected',
};

const TONES: Readonly<Record<TokenState, StateWords['tone']>> = {
  active: 'good',
  at_risk: 'waiting',
  quarantined: 'bad',
  blocked: 'bad',
  reauthorization_required: 'waiting',
  revoking: 'waiting',
  revoked: 'off',
};

/** The state of a connection, for the person it belongs to. */
export function stateWords(record: TokenRecord, person: boolean): StateWords {
  const { state } = record;
  const label =
    state === 'reauthorization_required' && person ? 'Needs your consent' : STATE_LABELS[state];
  return { label, tone: TONES[state], text: TEXTS[state](record) };
}

const TEXTS: Readonly<Record<TokenState, (record: TokenRecord) => string>> = {
  active: connectedText,
  at_risk: (record) =>
    'An answer of the authorization server was lost on its way. ' +
    (record.expiresAt === null
      ? 'The connection works until the server says otherwise.'
      : `The connection works until ${timeText(record.expiresAt)}; whether it can go on after that is being found out.`) +
    ' Reconnecting settles it.',
  quarantined: () =>
    'The last answer of the authorization server could not be trusted, so it is not used. ' +
    'An operator has to look at it; reconnecting may mend it.',
  blocked: (record) =>
    `${whyText(record) ?? 'The authorization server refuses.'} An operator has to mend it.`,
  reauthorization_required: (record) =>
    record.generation === 0
      ? 'Nobody has connected this account yet.'
      : 'The authorization server no longer accepts the consent that was given. Work that needs the ' +
        'account waits or fails until somebody connects it again.',
  revoking: () =>
    'Nobody gets the access any more. The authorization server is being asked to end it, until it answers.',
  revoked: () => 'The access was given back. Connect again whenever you like.',
};

function connectedText(record: TokenRecord): string {
  const { refreshTokenExpiresAt, expiresAt, hasRefreshToken } = record;
  if (record.generation === 0) return 'Ready; the first token is requested when it is needed.';
  const until = hasRefreshToken ? refreshTokenExpiresAt : expiresAt;
  if (until !== null) return `Connected until ${timeText(until)}.`;
  return hasRefreshToken
    ? 'Connected until you disconnect, or the authorization server ends it.'
    : 'Connected; the authorization server does not say for how long.';
}

/** Why the last token request failed, in the words of the failure table. */
export function whyText({ lastOutcome }: Pick<TokenRecord, 'lastOutcome'>): string | null {
  const type = lastOutcome?.type;
  return isFailureType(type) ? rowOf(type).message : null;
}

/** What the failure table says. */
export function rowOf(type: keyof typeof FAILURES): FailureRow {
  return FAILURES[type];
}

/** What a person can do now. A connection that asks no person is an operator's. */
export function actionsOf(
  { grant }: Pick<StoredConnection, 'grant'>,
  { state, generation, hasAccessToken, hasRefreshToken }: TokenRecord,
): PersonActions {
  if (!asksForConsent(grant.grantType) || state === 'revoking') {
    return { connect: null, disconnect: false };
  }
  const again = generation > 0 && state !== 'revoked' && state !== 'reauthorization_required';
  const holds = hasAccessToken || hasRefreshToken;
  return { connect: again ? 'Reconnect' : 'Connect', disconnect: holds && state !== 'revoked' };
}
