import { randomBytes } from 'node:crypto';
import type { KmsAdapter, WrappedKey } from '../store/kms-adapter.js';

const KEY_BYTES = 32;
const AT_ONCE = 8;

/** A rule of the contract that an adapter breaks: its name says which. */
export class KmsAdapterError extends Error {
  override readonly name = 'KmsAdapterError';
  readonly rule: string;

  constructor(rule: string, detail: string) {
    super(`${rule}: ${detail}`);
    this.rule = rule;
  }
}

type Check = (adapter: KmsAdapter) => Promise<string | null>;

const AAD = {
  package: 'temporal-oauth-tokens',
  database: 'check',
  kid: 'grant-1',
  purpose: 'grant',
};

/** Each rule by its name; a check says what is wrong, or null. */
const RULES: Readonly<Record<string, Check>> = {
  'has an id': ({ id }) =>
    told(/^[A-Za-z0-9._-]{1,64}$/.test(id) ? null : 'id is not a short name'),
  'unwraps what it wrapped': unwrapsWhatItWrapped,
  'wraps into plain bytes and a name': wrapsIntoPlainBytes,
  'survives being stored': survivesBeingStored,
  'does not show the key': doesNotShowTheKey,
  'leaves the caller its arrays': leavesTheCallerItsArrays,
  'gives a fresh array each time': givesAFreshArray,
  'takes the context in any order': takesTheContextInAnyOrder,
  'refuses another context': refusesAnotherContext,
  'refuses changed bytes': refusesChangedBytes,
  'refuses another keyRef': async (adapter) => {
    const wrapped = await adapter.wrap(newKey(), AAD);
    const other = { ...wrapped, keyRef: `${wrapped.keyRef}-other` };
    return (await refuses(adapter, other, AAD)) ? null : 'it unwrapped under another keyRef';
  },
  'does not quote the key when it throws': doesNotQuoteTheKey,
  'works for several at once': worksForSeveralAtOnce,
  'generates keys that unwrap': generatesKeysThatUnwrap,
};

/** The names of the rules, in the order in which they are checked. */
export const KMS_ADAPTER_RULES: readonly string[] = Object.keys(RULES);

/**
 * Checks that a KMS adapter keeps the contract `createKmsKeyProvider` relies on, against whatever
 * service its client reaches: about 40 requests. For any test runner.
 *
 * @throws KmsAdapterError with the name of the first rule that is broken
 * @example
 * ```ts
 * it('keeps the contract', () => checkKmsAdapter(createAwsKmsAdapter(new KMS({}), keyArn)));
 * ```
 */
export async function checkKmsAdapter(adapter: KmsAdapter): Promise<void> {
  for (const [rule, check] of Object.entries(RULES)) {
    let detail: string | null;
    try {
      detail = await check(adapter);
    } catch (error) {
      detail = `it threw ${error instanceof Error ? error.name : typeof error}`;
    }
    if (detail !== null) throw new KmsAdapterError(rule, detail);
  }
}

async function unwrapsWhatItWrapped(adapter: KmsAdapter): Promise<string | null> {
  const key = newKey();
  const found = await adapter.unwrap(await adapter.wrap(key, AAD), AAD);
  return same(found, key) ? null : 'other bytes came back';
}

async function wrapsIntoPlainBytes(adapter: KmsAdapter): Promise<string | null> {
  const { wrapped, keyRef } = await adapter.wrap(newKey(), AAD);
  if (!(wrapped instanceof Uint8Array) || wrapped.length < KEY_BYTES) {
    return 'wrapped is not a Uint8Array of at least 32 bytes';
  }
  return typeof keyRef === 'string' && keyRef !== '' ? null : 'keyRef is not a name';
}

/** It lies in a database meanwhile: as text, in another process. */
async function survivesBeingStored(adapter: KmsAdapter): Promise<string | null> {
  const key = newKey();
  const { wrapped, keyRef } = await adapter.wrap(key, AAD);
  const stored = Buffer.from(wrapped).toString('base64url');
  const read = Uint8Array.from(Buffer.from(stored, 'base64url'));
  const found = await adapter.unwrap({ wrapped: read, keyRef: String(keyRef) }, { ...AAD });
  return same(found, key) ? null : 'a stored copy does not unwrap';
}

async function doesNotShowTheKey(adapter: KmsAdapter): Promise<string | null> {
  const key = newKey();
  const { wrapped, keyRef } = await adapter.wrap(key, AAD);
  return shows(key, Buffer.from(wrapped).toString('latin1')) || shows(key, keyRef)
    ? 'the key can be read in what it returned'
    : null;
}

/** The caller wipes its copy of the key as soon as it is wrapped. */
async function leavesTheCallerItsArrays(adapter: KmsAdapter): Promise<string | null> {
  const key = newKey();
  const before = Uint8Array.from(key);
  const wrapped = await adapter.wrap(key, AAD);
  if (!same(key, before)) return 'wrap changed the key it was given';
  key.fill(0);
  const bytes = Uint8Array.from(wrapped.wrapped);
  const found = await adapter.unwrap(wrapped, AAD);
  if (!same(wrapped.wrapped, bytes)) return 'unwrap changed what it was given';
  return same(found, before) ? null : 'it kept the array of the caller instead of its content';
}

/** The key is wiped after it was imported. */
async function givesAFreshArray(adapter: KmsAdapter): Promise<string | null> {
  const key = newKey();
  const wrapped = await adapter.wrap(key, AAD);
  (await adapter.unwrap(wrapped, AAD)).fill(0);
  return same(await adapter.unwrap(wrapped, AAD), key) ? null : 'an array that was wiped came back';
}

async function takesTheContextInAnyOrder(adapter: KmsAdapter): Promise<string | null> {
  const key = newKey();
  const wrapped = await adapter.wrap(key, AAD);
  const reversed = Object.fromEntries(Object.entries(AAD).reverse());
  return same(await adapter.unwrap(wrapped, reversed), key) ? null : 'other bytes came back';
}

async function refusesAnotherContext(adapter: KmsAdapter): Promise<string | null> {
  const wrapped = await adapter.wrap(newKey(), AAD);
  const fewer = Object.fromEntries(Object.entries(AAD).slice(0, -1));
  const others: [string, Record<string, string>][] = [
    ['another value', { ...AAD, purpose: 'access' }],
    ['a member less', fewer],
    ['a member more', { ...AAD, more: '' }],
    ['no member', {}],
    // Joined without care, these read the same.
    ['values that were shifted', { ...AAD, database: 'checkgrant', kid: '-1' }],
  ];
  for (const [what, aad] of others) {
    if (!(await refuses(adapter, wrapped, aad))) return `it unwrapped with ${what}`;
  }
  return null;
}

async function refusesChangedBytes(adapter: KmsAdapter): Promise<string | null> {
  const wrapped = await adapter.wrap(newKey(), AAD);
  const { length } = wrapped.wrapped;
  for (const at of [Math.floor(length / 2), length - 1]) {
    const changed = Uint8Array.from(wrapped.wrapped);
    changed[at] = (changed[at] ?? 0) ^ 1;
    if (!(await refuses(adapter, { ...wrapped, wrapped: changed }, AAD))) {
      return 'it unwrapped with a bit changed';
    }
  }
  const cut = { ...wrapped, wrapped: wrapped.wrapped.slice(0, -1) };
  return (await refuses(adapter, cut, AAD)) ? null : 'it unwrapped what was cut off';
}

async function doesNotQuoteTheKey(adapter: KmsAdapter): Promise<string | null> {
  const key = newKey();
  const wrapped = await adapter.wrap(key, AAD);
  try {
    await adapter.unwrap(wrapped, { ...AAD, kid: 'other' });
  } catch (error) {
    const { message, stack = '' } = error instanceof Error ? error : { message: String(error) };
    return shows(key, `${message} ${stack}`) ? 'the message of an error has the key in it' : null;
  }
  return 'it unwrapped with another context';
}

async function worksForSeveralAtOnce(adapter: KmsAdapter): Promise<string | null> {
  const right = await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, index) => {
      const [key, aad] = [newKey(), { ...AAD, kid: `grant-${index}` }];
      return same(await adapter.unwrap(await adapter.wrap(key, aad), aad), key);
    }),
  );
  return right.every(Boolean) ? null : 'one got the bytes of another';
}

async function generatesKeysThatUnwrap(adapter: KmsAdapter): Promise<string | null> {
  const [one, two] = [await adapter.generate?.(AAD), await adapter.generate?.(AAD)];
  if (one === undefined || two === undefined) return null;
  if (one.key.length !== KEY_BYTES) return 'the key has not 32 bytes';
  if (same(one.key, two.key)) return 'it made the same key twice';
  const { key, ...wrapped } = one;
  if (!same(await adapter.unwrap(wrapped, AAD), key)) return 'other bytes came back';
  const refused = await refuses(adapter, wrapped, { ...AAD, purpose: 'access' });
  return refused ? null : 'it is not bound to the context';
}

const told = (detail: string | null): Promise<string | null> => Promise.resolve(detail);

const newKey = (): Uint8Array => Uint8Array.from(randomBytes(KEY_BYTES));

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

async function refuses(
  adapter: KmsAdapter,
  wrapped: WrappedKey,
  aad: Record<string, string>,
): Promise<boolean> {
  try {
    await adapter.unwrap(wrapped, aad);
    return false;
  } catch {
    return true;
  }
}

function shows(key: Uint8Array, text: string): boolean {
  const bytes = Buffer.from(key);
  const forms = [
    ...[bytes.toString('latin1'), bytes.toString('hex'), bytes.toString('base64')],
    bytes.toString('base64url'),
  ];
  return forms.some((form) => text.includes(form));
}
