import { AS, row, type FailureRow } from './failure-row.js';

/** Codes of other RFCs and of OpenID that no token endpoint should answer, but some may. */
export const OTHER_OAUTH_CODES = [
  // RFC 6749 §4.1.2.1
  'unsupported_response_type',
  // RFC 6750 §3.1
  'invalid_token',
  'insufficient_scope',
  // RFC 7009 §2.2.1
  'unsupported_token_type',
  // RFC 7591 §3.2.2
  'invalid_redirect_uri',
  'invalid_client_metadata',
  'invalid_software_statement',
  'unapproved_software_statement',
  // RFC 8628 §3.5
  'expired_token',
  // RFC 9101 §7
  'invalid_request_uri',
  'invalid_request_object',
  'request_not_supported',
  'request_uri_not_supported',
  // RFC 9396 §5
  'invalid_authorization_details',
  // RFC 9470 §3
  'insufficient_user_authentication',
  // OpenID Connect Core §3.1.2.6, CIBA §11 and §13
  'account_selection_required',
  'registration_not_supported',
  'unmet_authentication_requirements',
  'invalid_binding_message',
  'invalid_user_code',
  'missing_user_code',
  'expired_login_hint_token',
  'unknown_user_id',
  'transaction_failed',
] as const;

type OtherCode = (typeof OTHER_OAUTH_CODES)[number];

/** Their rows of the failure table. */
export const OTHER_OAUTH_ROWS = Object.fromEntries(
  OTHER_OAUTH_CODES.map((code) => [
    `OAuth.${code}`,
    row(
      true,
      `${AS} refuses the token request (${code}).`,
      "Look the code up in the server's documentation, correct the connection, then put it again.",
    ),
  ]),
) as Record<`OAuth.${OtherCode}`, FailureRow>;
