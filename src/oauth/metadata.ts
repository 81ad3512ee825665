import * as oauth from 'oauth4webapi';
import { NetworkPolicyError, networkPolicyErrorOf, type Network } from '../network.js';
import { MetadataError } from './errors.js';
import { exchangeHttp, type HttpExchange } from './http-exchange.js';
import { parseMembers, type Members } from './members.js';
import { decodeBody } from './response-body.js';

/** An authorization server's endpoints, as its metadata names them, checked. */
export interface AuthorizationServerMetadata {
  readonly issuer: string;
  readonly tokenEndpoint: string;
  readonly authorizationEndpoint?: string;
  readonly revocationEndpoint?: string;
  readonly introspectionEndpoint?: string;
  readonly deviceAuthorizationEndpoint?: string;
  /** RFC 9126 §5. */
  readonly pushedAuthorizationRequestEndpoint?: string;
  /** Where the keys are that ID tokens are signed with. */
  readonly jwksUri?: string;
  /** Every authorization response names its issuer (RFC 9207 §3). */
  readonly authorizationResponseIssParameterSupported?: true;
  /** Only pushed authorization requests are taken (RFC 9126 §5). */
  readonly requirePushedAuthorizationRequests?: true;
}

/** Whose metadata to read, and how. */
export interface DiscoveryOptions {
  /** The issuer identifier, to the letter: the metadata must name exactly this one. */
  readonly issuer: string;
  readonly network: Pick<Network, 'assertUrlAllowed' | 'requestDispatcher'>;
  /** For each of the two documents that are tried. */
  readonly timeoutMs: number;
}

const OPTIONAL_ENDPOINTS = [
  ['authorizationEndpoint', 'authorization_endpoint'],
  ['revocationEndpoint', 'revocation_endpoint'],
  ['introspectionEndpoint', 'introspection_endpoint'],
  ['deviceAuthorizationEndpoint', 'device_authorization_endpoint'],
  ['pushedAuthorizationRequestEndpoint', 'pushed_authorization_request_endpoint'],
  ['jwksUri', 'jwks_uri'],
] as const;

/** Said with `true` only; anything else is the default, false. */
const FLAGS = [
  ['authorizationResponseIssParameterSupported', 'authorization_response_iss_parameter_supported'],
  ['requirePushedAuthorizationRequests', 'require_pushed_authorization_requests'],
] as const;

const MISMATCH_FIRST = ['issuer_mismatch', 'unreachable', 'unreadable', 'not_found'] as const;

/**
 * Reads an authorization server's metadata: the document of RFC 8414, and where there is none
 * OpenID's. The issuer in it is compared to the letter, and every endpoint has to be one that the
 * network setting allows.
 *
 * @throws MetadataError when there is no metadata, or it must not be trusted; `temporary` if the same
 *   may succeed later.
 * @see https://www.rfc-editor.org/rfc/rfc8414.html#section-3
 */
export async function discoverAuthorizationServer(
  options: DiscoveryOptions,
): Promise<AuthorizationServerMetadata> {
  const issuer = parseIssuer(options);
  const failures: MetadataError[] = [];
  for (const algorithm of ['oauth2', 'oidc'] as const) {
    const found = await requestMetadata(issuer, algorithm, options);
    if (!(found instanceof MetadataError)) return metadataOf(found, options);
    failures.push(found);
  }
  const ranked = MISMATCH_FIRST.map((code) => failures.find((failure) => failure.code === code));
  throw ranked.find((failure) => failure !== undefined) ?? notFound();
}

function parseIssuer({ issuer, network }: DiscoveryOptions): URL {
  if (!URL.canParse(issuer) || /[?#]/.test(issuer)) {
    throw new MetadataError(
      'issuer_invalid',
      'The issuer is not a URL without query and fragment (RFC 8414 §2).',
    );
  }
  const url = new URL(issuer);
  assertAllowed(url, 'issuer', network);
  return url;
}

/** The document's members; an error as value where the other document may still serve. */
async function requestMetadata(
  issuer: URL,
  algorithm: 'oauth2' | 'oidc',
  options: DiscoveryOptions,
): Promise<Members | MetadataError> {
  const response = await oauth.discoveryRequest(issuer, {
    algorithm,
    // The network setting allows it on loopback only.
    [oauth.allowInsecureRequests]: issuer.protocol === 'http:',
    [oauth.customFetch]: (url, init) => fetchMetadata(new URL(url), init.headers, options),
  });
  if (response.status >= 500) return unreachable(issuer);
  if (response.status !== 200) return notFound();
  // oauth4webapi would put the server's text into its errors, and compares normalized URLs.
  const members = parseMembers({ text: await response.text(), complete: true, delimited: false });
  if (members === undefined) {
    return new MetadataError('unreadable', 'The metadata of the authorization server is not JSON.');
  }
  return members.get('issuer') === options.issuer ? members : issuerMismatch(members, options);
}

async function fetchMetadata(
  url: URL,
  headers: Record<string, string>,
  { network, timeoutMs }: DiscoveryOptions,
): Promise<Response> {
  const exchange = await exchangeHttp(
    { url, method: 'GET', headers: { ...headers, 'accept-encoding': 'identity' }, body: null },
    { dispatcher: network.requestDispatcher({ connectTimeoutMs: timeoutMs }), timeoutMs },
  );
  const { status } = exchange;
  if (status === null) throw noAnswer(exchange, url);
  const { text, complete } = await decodeBody(exchange.body, exchange.headers['content-encoding']);
  if (exchange.end === 'timeout' || exchange.end === 'error') throw unreachable(url);
  // Only a status that Response accepts, and a body only where there may be one.
  if (status !== 200)
    return new Response(null, { status: status >= 500 || status === 429 ? 500 : 404 });
  return new Response(exchange.end === 'complete' && complete ? text : '', { status });
}

function metadataOf(members: Members, options: DiscoveryOptions): AuthorizationServerMetadata {
  if (members.get('token_endpoint') === undefined) {
    throw new MetadataError(
      'token_endpoint_missing',
      'The metadata of the authorization server names no token_endpoint.',
    );
  }
  const optional = OPTIONAL_ENDPOINTS.flatMap(([name, member]) => {
    const value = members.get(member);
    return value === undefined || value === null
      ? []
      : [[name, checkedEndpoint(value, member, options)]];
  });
  const flags = FLAGS.flatMap(([name, member]) =>
    members.get(member) === true ? [[name, true]] : [],
  );
  return {
    issuer: options.issuer,
    tokenEndpoint: checkedEndpoint(members.get('token_endpoint'), 'token_endpoint', options),
    ...(Object.fromEntries([...optional, ...flags]) as Partial<AuthorizationServerMetadata>),
  };
}

function checkedEndpoint(value: unknown, member: string, { network }: DiscoveryOptions): string {
  if (typeof value !== 'string' || !URL.canParse(value) || value.includes('#')) {
    throw new MetadataError(
      'endpoint_invalid',
      `The ${member} in the authorization server's metadata is not a URL without fragment.`,
    );
  }
  assertAllowed(new URL(value), member, network);
  return value;
}

function assertAllowed(url: URL, what: string, network: Pick<Network, 'assertUrlAllowed'>): void {
  try {
    network.assertUrlAllowed(url);
  } catch (error) {
    throw error instanceof NetworkPolicyError ? notAllowed(error, what) : error;
  }
}

function noAnswer({ error }: HttpExchange, url: URL): MetadataError {
  const refused = networkPolicyErrorOf(error);
  return refused === undefined ? unreachable(url) : notAllowed(refused, 'issuer');
}

function notAllowed(error: NetworkPolicyError, what: string): MetadataError {
  return new MetadataError('network_not_allowed', `The ${what} cannot be used. ${error.message}`);
}

function unreachable({ hostname }: URL): MetadataError {
  const message = `The authorization server at ${hostname} did not give its metadata in time.`;
  return new MetadataError('unreachable', message, true);
}

function notFound(): MetadataError {
  return new MetadataError(
    'not_found',
    'The issuer serves neither RFC 8414 nor OpenID metadata; name the tokenEndpoint instead.',
  );
}

function issuerMismatch(members: Members, { issuer }: DiscoveryOptions): MetadataError {
  const other = members.get('issuer');
  const slash =
    typeof other === 'string' && other.replace(/\/$/, '') === issuer.replace(/\/$/, '')
      ? ` (${other.endsWith('/') ? 'it ends with a slash, ours does not' : 'ours ends with a slash'})`
      : '';
  return new MetadataError(
    'issuer_mismatch',
    `The metadata names another issuer than the connection${slash}; they must be equal to the letter.`,
  );
}
