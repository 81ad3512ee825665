import { z } from 'zod';
import type { GrantType } from '../contract/grant-type.js';
import { CONNECTION_ID_RULE, isConnectionId } from '../contract/names.js';
import { isAuthorizationParameter, isProtocolParameter } from '../oauth/index.js';
import { secretReference } from './secret-reference.js';
import {
  endpointProblem,
  issuerProblem,
  originProblem,
  redirectUriProblem,
  type NetworkRules,
} from './url-rules.js';

const MAX_REQUEST_TIMEOUT_MS = 120_000;
const MIN_GRACE_MS = 1_000;
const MIN_IDLE_MS = 20 * 60 * 1_000;
const ONE_DAY_MS = 24 * 60 * 60 * 1_000;
const TEN_YEARS_MS = 10 * 365 * 24 * 60 * 60 * 1_000;

const AUTHENTICATION = ['client_secret_basic', 'client_secret_post', 'none'] as const;
const AUTHENTICATION_LATER = [
  'client_secret_jwt',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
];
const GRANT_TYPES = [
  'client_credentials',
  'refresh_token',
  'authorization_code',
  'device_code',
] as const satisfies readonly GrantType[];
const GRANT_TYPES_LATER = [
  'urn:ietf:params:oauth:grant-type:jwt-bearer',
  'urn:ietf:params:oauth:grant-type:saml2-bearer',
  'urn:ietf:params:oauth:grant-type:token-exchange',
  'urn:openid:params:grant-type:ciba',
];

/** The text must hold to a rule that says what would be right. */
function text(rule: string, isRight: (value: string) => boolean): z.ZodType<string> {
  return z.string({ error: rule }).refine(isRight, { error: rule });
}

/** The text must pass a check that says what is wrong. */
function checkedText(rule: string, problemOf: (value: string) => string | null): z.ZodType<string> {
  return z.string({ error: rule }).superRefine((value, context) => {
    const problem = problemOf(value);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  });
}

function wholeNumber(min: number, max: number): z.ZodType<number> {
  const error = `must be a whole number of milliseconds from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** One of the names that are built; a registered one that is not yet is told apart from a typo. */
function oneOf<const T extends readonly string[]>(names: T, later: readonly string[]) {
  const rule = `must be ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
  return z.enum(names, {
    error: ({ input }) =>
      typeof input === 'string' && later.includes(input)
        ? `"${input}" is not supported yet: it ${rule}`
        : rule,
  });
}

function list<T>(item: z.ZodType<T>, min: number, max: number, what: string): z.ZodType<T[]> {
  const error = `must be an array of ${min === 0 ? 'at most' : `${min} to`} ${max} ${what}`;
  return z
    .array(item, { error })
    .min(min, { error })
    .max(max, { error })
    .superRefine((items, context) => {
      items.forEach((value, index) => {
        if (items.indexOf(value) === index) return;
        context.addIssue({ code: 'custom', message: 'is there twice', path: [index] });
      });
    });
}

const scopeRule = 'must be scope values with one space between them (RFC 6749 §3.3)';
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/;
const PARAMETER_NAME = /^[\x21-\x23\x25-\x7e][\x21-\x7e]{0,127}$/;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

const object = 'must be an object';
const trueOrFalse = z.boolean({ error: 'must be true or false' });

function parameters(isProtocols: (name: string) => boolean) {
  return z
    .record(
      z.string(),
      text('must be a text of 1 to 4096 characters', (v) => v !== '' && v.length <= 4_096),
      { error: 'must be an object whose members are texts' },
    )
    .superRefine((members, context) => {
      const names = Object.keys(members);
      if (names.length > 50) {
        context.addIssue({ code: 'custom', message: 'must have at most 50 members' });
      }
      for (const name of names) {
        const message = parameterNameProblem(name, isProtocols);
        if (message !== null) context.addIssue({ code: 'custom', message, path: [name] });
      }
    })
    .default({});
}

function parameterNameProblem(name: string, isProtocols: (name: string) => boolean): string | null {
  if (isProtocols(name)) {
    return 'is a parameter of the protocol itself, which the package sets: leave it out';
  }
  return PARAMETER_NAME.test(name)
    ? null
    : 'must have a name of 1 to 128 visible ASCII characters that does not begin with "$"';
}

const responseHeader = text(
  'must be the name of a header other than set-cookie, which carries a secret',
  (name) => HEADER_NAME.test(name) && name.toLowerCase() !== 'set-cookie',
);

const rotationRule =
  'must be "none", "strict" or { "graceMs": N }, N being 1000 to 86400000; leave it out when unknown';

const rotation = z.union(
  [
    z.literal('none'),
    z.literal('strict'),
    z.strictObject({ graceMs: wholeNumber(MIN_GRACE_MS, ONE_DAY_MS) }),
  ],
  { error: rotationRule },
);

const redirectUri = checkedText('must be an https URL', redirectUriProblem);

const expectedSubject = text(
  'must be the subject of an ID token: 1 to 255 ASCII characters (OpenID Connect Core §2)',
  (v) => /^[\x20-\x7e]{1,255}$/.test(v),
);

const workflowType = text('must be the name of a workflow type', (v) => /^.{1,1000}$/.test(v));

const clientId = text('must be 1 to 1024 printable ASCII characters (RFC 6749 §A.1)', (v) =>
  /^[\x20-\x7e]{1,1024}$/.test(v),
);

function authorizationServer(network: NetworkRules) {
  const endpoint = checkedText('must be an absolute https URL', (v) => endpointProblem(v, network));
  return z.strictObject(
    {
      issuer: checkedText('must be an absolute https URL', (v) =>
        issuerProblem(v, network),
      ).optional(),
      tokenEndpoint: endpoint.optional(),
      authorizationEndpoint: endpoint.optional(),
      pushedAuthorizationRequestEndpoint: endpoint.optional(),
      revocationEndpoint: endpoint.optional(),
      introspectionEndpoint: endpoint.optional(),
      deviceAuthorizationEndpoint: endpoint.optional(),
      jwksUri: endpoint.optional(),
      authorizationResponseIssParameterSupported: trueOrFalse.optional(),
      requirePushedAuthorizationRequests: trueOrFalse.optional(),
      requestTimeoutMs: wholeNumber(1, MAX_REQUEST_TIMEOUT_MS).default(10_000),
    },
    { error: object },
  );
}

/** The shape of a connection file (contract §4), member by member. */
export function connectionFileSchema(network: NetworkRules) {
  const origin = checkedText('must be an origin such as "https://api.example.com"', (v) =>
    originProblem(v, network),
  );
  return z.strictObject(
    {
      connectionId: text(`must be ${CONNECTION_ID_RULE}`, isConnectionId),
      authorizationServer: authorizationServer(network),
      client: z.strictObject(
        {
          clientId,
          authentication: oneOf(AUTHENTICATION, AUTHENTICATION_LATER),
          clientSecret: secretReference('--client-secret-stdin').optional(),
        },
        { error: object },
      ),
      grant: z.strictObject(
        {
          grantType: oneOf(GRANT_TYPES, GRANT_TYPES_LATER),
          scope: text(scopeRule, (v) => SCOPE.test(v) && v.length <= 4_096).optional(),
          parameters: parameters(isProtocolParameter),
          authorizationParameters: parameters(isAuthorizationParameter),
          pkce: trueOrFalse.optional(),
          redirectUris: list(redirectUri, 1, 10, 'redirect URIs').optional(),
          expectedSubject: expectedSubject.optional(),
          refreshToken: secretReference('--refresh-token-stdin').optional(),
          useRefreshToken: trueOrFalse.optional(),
          rotation: rotation.optional(),
        },
        { error: object },
      ),
      api: z.strictObject(
        {
          allowedOrigins: list(origin, 1, 100, 'origins'),
          responseHeaders: list(responseHeader, 0, 50, 'header names').default([]),
          callers: z
            .strictObject(
              { workflowTypes: list(workflowType, 0, 100, 'workflow types') },
              { error: object },
            )
            .optional(),
        },
        { error: object },
      ),
      lifetime: z
        .strictObject(
          {
            refresh: oneOf(['on-demand', 'ahead'], []).default('on-demand'),
            defaultExpiresInMs: wholeNumber(1, TEN_YEARS_MS).optional(),
            refreshTokenExpiresInMs: wholeNumber(1, TEN_YEARS_MS).optional(),
            // Less than this and a look every five minutes may come too late.
            refreshTokenIdleMs: wholeNumber(MIN_IDLE_MS, TEN_YEARS_MS).optional(),
          },
          { error: object },
        )
        .default({ refresh: 'on-demand' }),
    },
    { error: 'must be one JSON object' },
  );
}

/** A connection file as it was read, checked and with its defaults. */
export type ConnectionFile = z.output<ReturnType<typeof connectionFileSchema>>;
