import { registerSecret } from '../known-secrets.js';
import { Secret } from '../secret.js';
import { furtherParameters } from './authorization-request.js';
import type { TokenClient } from './client-authentication.js';
import {
  malformedAnswer,
  postForMembers,
  type EndpointRequestOptions,
} from './endpoint-request.js';
import { readLifetime } from './lifetime.js';
import type { Members } from './members.js';
import type { TokenRequestFailure } from './token-result.js';

/** What a person with a device is asked for. */
export interface DeviceAuthorizationInput {
  readonly deviceAuthorizationEndpoint: string;
  readonly client: TokenClient;
  /** Space-delimited; null: the server's default. */
  readonly scope: string | null;
  /** Further parameters, such as `audience`; none of the protocol's own. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** What the person is shown, and what is polled with meanwhile. */
export interface DeviceAuthorization {
  /** Sent to the token endpoint until the person has answered; never shown. */
  readonly deviceCode: Secret;
  /** What the person enters; it may be shown. */
  readonly userCode: string;
  /** Where. */
  readonly verificationUri: string;
  /** The same with the code in it, for a link or a QR code; null: the server gives none. */
  readonly verificationUriComplete: string | null;
  /** Lifetime of both codes, in milliseconds, from when the request was sent. */
  readonly expiresInMs: number;
  /** The shortest pause between two polls, in milliseconds. */
  readonly intervalMs: number;
}

/** The codes, or why the authorization server gave none. */
export type DeviceAuthorizationResult =
  | { readonly kind: 'issued'; readonly authorization: DeviceAuthorization }
  | { readonly kind: 'failed'; readonly failure: TokenRequestFailure };

/** RFC 8628 §3.2: when the server does not say. */
const USUAL_INTERVAL_MS = 5_000;
const SHORTEST_INTERVAL_MS = 1_000;
/** The server has to say; one that does not forgets the codes at some time all the same. */
const USUAL_LIFETIME_MS = 10 * 60_000;

/**
 * Asks for a device code and what to show to the person. Safe to repeat: codes that nobody enters
 * expire.
 *
 * @throws OAuthRequestError when the request cannot be built.
 * @throws NetworkPolicyError when the network setting does not allow the endpoint.
 * @see https://www.rfc-editor.org/rfc/rfc8628.html#section-3.1
 */
export async function requestDeviceAuthorization(
  { deviceAuthorizationEndpoint, client, scope, parameters }: DeviceAuthorizationInput,
  options: EndpointRequestOptions,
): Promise<DeviceAuthorizationResult> {
  const form: [string, string][] = [
    ['client_id', client.clientId],
    ['scope', scope ?? ''],
    ...furtherParameters(parameters),
  ];
  const request = { endpoint: deviceAuthorizationEndpoint, client, parameters: form };
  const result = await postForMembers(request, options);
  if (result.kind === 'failed') return result;
  const authorization = authorizationOf(result.members);
  return authorization === null
    ? malformedAnswer(result.elapsedMs)
    : { kind: 'issued', authorization };
}

/** Null: something that is needed is missing, or cannot be shown. */
function authorizationOf(members: Members): DeviceAuthorization | null {
  const deviceCode = members.get('device_code');
  const userCode = members.get('user_code');
  // Written before the RFC, some servers say `verification_url`.
  const verificationUri = members.get('verification_uri') ?? members.get('verification_url');
  const complete = members.get('verification_uri_complete');
  if (typeof deviceCode !== 'string' || !/^[\x20-\x7e]{1,8192}$/.test(deviceCode)) return null;
  if (typeof userCode !== 'string' || !/^[\x20-\x7e]{1,128}$/.test(userCode)) return null;
  if (!isPageUrl(verificationUri)) return null;
  registerSecret(deviceCode);
  const interval = readLifetime(members.get('interval')).ms ?? USUAL_INTERVAL_MS;
  return {
    deviceCode: new Secret(deviceCode),
    userCode,
    verificationUri,
    verificationUriComplete: isPageUrl(complete) ? complete : null,
    expiresInMs: readLifetime(members.get('expires_in')).ms ?? USUAL_LIFETIME_MS,
    intervalMs: Math.max(interval, SHORTEST_INTERVAL_MS),
  };
}

/** A link that is shown to a person and opened: a page, and no script. */
function isPageUrl(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 2_048 || !URL.canParse(value)) return false;
  return ['https:', 'http:'].includes(new URL(value).protocol) && /^[\x21-\x7e]+$/.test(value);
}
