import type { AuthorizationRecord } from '../contract/authorization-record.js';
import type { ConnectionRecord } from '../contract/connection-record.js';
import { registerSecret } from '../known-secrets.js';
import type { CapturedResponse } from '../oauth/index.js';
import { Secret } from '../secret.js';
import {
  authorizationContext,
  openSealed,
  type KeyProvider,
  type SealedValue,
  type Sealer,
  type TokenDatabase,
} from '../store/index.js';

/** Which authorization a value is sealed for. */
export interface AuthorizationPlace {
  database: Pick<TokenDatabase, 'name'>;
  record: Pick<AuthorizationRecord, 'authorizationId' | 'connectionId' | 'incarnation'>;
  connection: Pick<ConnectionRecord, 'authorizationServer' | 'client'>;
}

/** What is secret about an authorization before its answer. */
export interface AuthorizationSecrets {
  /** Null: a device has none. */
  state: Secret | null;
  codeVerifier: Secret | null;
  nonce: Secret | null;
  /** Null: a browser has none. */
  deviceCode: Secret | null;
}

/** What of a token endpoint's answer is kept until it is judged. */
export type KeptAnswer = Pick<
  CapturedResponse,
  | 'accessToken'
  | 'refreshToken'
  | 'idToken'
  | 'tokenType'
  | 'scope'
  | 'expiresInMs'
  | 'refreshTokenExpiresInMs'
  | 'problem'
>;

/** Seals what is secret about an authorization before its answer. */
export function sealSecrets(
  sealer: Sealer,
  place: AuthorizationPlace,
  { state, codeVerifier, nonce, deviceCode }: AuthorizationSecrets,
): Promise<SealedValue> {
  const texts = [state, codeVerifier, nonce, deviceCode].map((one) => one?.reveal() ?? null);
  return sealer.seal(contextOf(place, 'request'), JSON.stringify(texts));
}

/** @throws StoreError `key_unavailable` or `unreadable` */
export async function openSecrets(
  keys: KeyProvider,
  place: AuthorizationPlace,
  sealed: SealedValue,
): Promise<AuthorizationSecrets> {
  const text = await openSealed(keys, sealed, contextOf(place, 'request'));
  const [state, codeVerifier, nonce, deviceCode] = (JSON.parse(text) as (string | null)[]).map(
    secretOrNull,
  );
  return {
    ...{ state: state ?? null, codeVerifier: codeVerifier ?? null },
    ...{ nonce: nonce ?? null, deviceCode: deviceCode ?? null },
  };
}

/** Seals an authorization code. */
export function sealCode(
  sealer: Sealer,
  place: AuthorizationPlace,
  code: Secret,
): Promise<SealedValue> {
  return sealer.seal(contextOf(place, 'code'), code.reveal());
}

/** @throws StoreError `key_unavailable` or `unreadable` */
export async function openCode(
  keys: KeyProvider,
  place: AuthorizationPlace,
  sealed: SealedValue,
): Promise<Secret> {
  return knownSecret(await openSealed(keys, sealed, contextOf(place, 'code')));
}

/** Seals an answer that nobody has judged yet. */
export function sealAnswer(
  sealer: Sealer,
  place: AuthorizationPlace,
  answer: KeptAnswer,
): Promise<SealedValue> {
  const { accessToken, refreshToken, idToken, tokenType, scope, problem } = answer;
  const tokens = [accessToken, refreshToken, idToken].map((one) => one?.reveal() ?? null);
  const { expiresInMs, refreshTokenExpiresInMs } = answer;
  const plain = { tokens, tokenType, scope, expiresInMs, refreshTokenExpiresInMs, problem };
  return sealer.seal(contextOf(place, 'answer'), JSON.stringify(plain));
}

type PlainAnswer = Omit<KeptAnswer, 'accessToken' | 'refreshToken' | 'idToken'> & {
  tokens: (string | null)[];
};

/** @throws StoreError `key_unavailable` or `unreadable` */
export async function openAnswer(
  keys: KeyProvider,
  place: AuthorizationPlace,
  sealed: SealedValue,
): Promise<KeptAnswer> {
  const text = await openSealed(keys, sealed, contextOf(place, 'answer'));
  const { tokens, ...plain } = JSON.parse(text) as PlainAnswer;
  const [accessToken = null, refreshToken = null, idToken = null] = tokens.map(secretOrNull);
  return { ...plain, accessToken, refreshToken, idToken };
}

type Member = 'request' | 'code' | 'answer';

const contextOf = ({ database, record, connection }: AuthorizationPlace, member: Member) =>
  authorizationContext(database, record, { member, connection });

const secretOrNull = (text: string | null): Secret | null =>
  text === null ? null : knownSecret(text);

/** What is opened here may be quoted by an error or an answer. */
function knownSecret(text: string): Secret {
  const secret = new Secret(text);
  registerSecret(secret);
  return secret;
}
