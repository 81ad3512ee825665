import { AS, row, type FailureRow } from './failure-row.js';
import { OTHER_OAUTH_ROWS } from './other-oauth-codes.js';

export type { FailureRow } from './failure-row.js';

/** Every failure type the package makes, with its meaning (contract §3). */
export const FAILURES = {
  'OAuth.invalid_request': row(
    true,
    `${AS} says the token request is malformed.`,
    'Check grant.parameters and the client authentication of the connection, then put it again.',
  ),
  'OAuth.invalid_client': row(
    true,
    `${AS} does not accept the client's authentication.`,
    'Put the connection again with the right client id, secret and authentication method.',
  ),
  'OAuth.invalid_grant': row(
    true,
    `${AS} no longer accepts the grant.`,
    'Put the connection again with a new grant.',
  ),
  'OAuth.unauthorized_client': row(
    true,
    `${AS} does not allow this grant to this client.`,
    'Allow the grant type for the client, then put the connection again.',
  ),
  'OAuth.unsupported_grant_type': row(
    true,
    `${AS} does not know this grant type.`,
    'Choose another grant.grantType, then put the connection again.',
  ),
  'OAuth.invalid_scope': row(
    true,
    `${AS} does not grant the requested scope.`,
    'Correct grant.scope, then put the connection again.',
  ),
  'OAuth.invalid_target': row(
    true,
    `${AS} does not know the requested resource (RFC 8707).`,
    'Correct grant.parameters.resource, then put the connection again.',
  ),
  'OAuth.access_denied': row(
    true,
    `${AS} denies access.`,
    'Have access granted, then put the connection again.',
  ),
  'OAuth.interaction_required': row(
    true,
    `${AS} wants a person to act.`,
    'Authorize the connection anew.',
  ),
  'OAuth.login_required': row(
    true,
    `${AS} wants a person to sign in.`,
    'Authorize the connection anew.',
  ),
  'OAuth.consent_required': row(
    true,
    `${AS} wants a person's consent.`,
    'Authorize the connection anew.',
  ),
  'OAuth.use_dpop_nonce': row(
    true,
    `${AS} demands DPoP (RFC 9449), which this connection does not use.`,
    'Register the client without DPoP, then put the connection again.',
  ),
  'OAuth.invalid_dpop_proof': row(
    true,
    `${AS} demands DPoP (RFC 9449), which this connection does not use.`,
    'Register the client without DPoP, then put the connection again.',
  ),
  'OAuth.other': row(
    true,
    `${AS} answered with an error that no RFC names.`,
    'Check the token endpoint of the connection, then put it again.',
  ),
  'OAuth.rate_limited': row(
    false,
    `${AS} limits the rate of requests.`,
    'Nothing: it is asked again when it allows.',
  ),
  'OAuth.server_error': row(false, `${AS} has an error.`, 'Nothing: it is asked again.'),
  'OAuth.unreachable': row(
    false,
    `${AS} cannot be reached or did not answer in time.`,
    'Check the network between the worker and the token endpoint; it is asked again.',
  ),
  'OAuth.malformed_response': row(
    false,
    `${AS} sent an answer that cannot be used.`,
    'If the record is quarantined, put the connection again; else it is asked again.',
  ),
  'Token.reauthorization_required': row(
    true,
    'The grant is no longer valid; a person has to authorize the connection anew.',
    'Put the connection with a new grant.',
  ),
  'Token.revoked': row(
    true,
    "The connection's tokens are revoked.",
    'Authorize the connection anew.',
  ),
  'Token.lifetime_too_short': row(
    true,
    'minValidMs is longer than this authorization server ever gives.',
    'Ask for less, or have the token lifetime raised.',
  ),
  'Token.refresh_in_progress': row(
    false,
    'A token request is still under way.',
    'Nothing: the caller tries again.',
    true,
  ),
  'Token.revocation_in_progress': row(
    false,
    `${AS} has not confirmed the revocation yet; no caller gets the tokens any more.`,
    'Nothing: it is asked again.',
    true,
  ),
  'Token.rejected': row(
    false,
    'The API refused the newest token, and the next token request is not allowed yet.',
    'If it stays so, check scope and audience of the connection.',
  ),
  'Token.unavailable': row(
    false,
    'Temporal cannot be reached, and no usable token is stored.',
    'Check the connection to Temporal.',
  ),
  'Authorization.denied': row(
    true,
    'The person, or the authorization server, refused the authorization.',
    'Authorize the connection again, and consent.',
  ),
  'Authorization.expired': row(
    true,
    'The authorization was not completed in time.',
    'Authorize the connection again.',
  ),
  'Authorization.invalid_response': row(
    true,
    'The answer that came back from the authorization server does not belong to this authorization.',
    'Authorize the connection again, from the start and in one browser.',
  ),
  'Authorization.invalid_id_token': row(
    true,
    'The ID token of the authorization cannot be trusted.',
    'Check the issuer and the client of the connection, then authorize it again.',
  ),
  'Authorization.subject_mismatch': row(
    true,
    'Somebody else consented than the connection is for.',
    'Have the right person consent; or confirm the new one with --accept-new-subject.',
  ),
  'Authorization.superseded': row(
    true,
    'A revocation, or another grant, came after this authorization had begun.',
    'Authorize the connection again, if it is still to be connected.',
  ),
  'Authorization.lost': row(
    true,
    'What became of the consent is not known: the answer of the authorization server was lost.',
    'Authorize the connection again.',
  ),
  'Connection.not_found': row(
    true,
    'No connection of this id is registered.',
    'Register it: oauth-tokens connection put -f FILE.',
  ),
  'Connection.invalid': row(true, 'The input is not valid.', 'Correct the named field.'),
  'Store.unavailable': row(
    false,
    'MongoDB cannot be reached.',
    'Check MongoDB; the caller tries again.',
  ),
  'Store.key_unavailable': row(
    false,
    'The key a value is sealed with is not in the key file.',
    'Bring the key back into the key file.',
  ),
  'Store.unreadable': row(
    true,
    'A sealed value does not open with its key: it was changed or moved.',
    'Restore the record, or put the connection again with its secrets.',
  ),
  'Api.unreachable': row(
    false,
    'The API cannot be reached or did not answer in time.',
    'Check the API; the caller tries again.',
  ),
  'Api.response_too_large': row(
    true,
    'The answer is too large to return through Temporal.',
    'Call the API from an activity of your own.',
  ),
  'Api.outcome_unknown': row(
    true,
    'The request was sent and no answer came; it may have been carried out.',
    'Find out, or send an Idempotency-Key so that it can be repeated.',
  ),
  'Event.not_delivered': row(
    false,
    'The event did not reach its webhook.',
    'Check the webhook; the event is sent again, for three days.',
  ),
  'Policy.origin_not_allowed': row(
    true,
    "The URL is not on one of the connection's allowed origins.",
    'Correct the URL or api.allowedOrigins.',
  ),
  'Policy.network_not_allowed': row(
    true,
    "The process's network policy does not allow the address.",
    'Use a public https address, or set OAUTH_TOKENS_NETWORK (in code: the option network) and restart the process.',
  ),
  'Policy.header_not_allowed': row(
    true,
    'The request sets a header that the package sets itself.',
    'Leave the header out.',
  ),
  'Policy.caller_not_allowed': row(
    true,
    "The calling workflow type is not among the connection's callers.",
    'Add it to api.callers.workflowTypes.',
  ),
  'Policy.secret_in_response': row(
    true,
    'The answer contains the access token and is not returned.',
    'Call the API from an activity of your own.',
  ),
  'Policy.secret_leak_blocked': row(
    true,
    'A secret was about to enter Temporal and was held back.',
    'Do not return or log secrets.',
  ),
  ...OTHER_OAUTH_ROWS,
} as const satisfies Record<string, FailureRow>;

/** The type of every failure this package makes. */
export type FailureType = keyof typeof FAILURES;

/** Whether a stored or received text is one of our failure types. */
export function isFailureType(type: string | null | undefined): type is FailureType {
  return typeof type === 'string' && Object.hasOwn(FAILURES, type);
}

/** The failure type of a token endpoint's error code; codes we do not know become `OAuth.other`. */
export function oauthFailureType(code: string): FailureType {
  const type = `OAuth.${code}`;
  return isFailureType(type) ? type : 'OAuth.other';
}
