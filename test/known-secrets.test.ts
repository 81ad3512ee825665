import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holdsSecret, redactJson, redactSecrets, registerSecret } from '../src/known-secrets.js';
import { SecretIndex } from '../src/known-secrets/secret-index.js';
import { Secret } from '../src/secret.js';

const SECRET = 'kN0wn/secret+7f~3a"9\\é=';
/** One that every path takes as it is. */
const PLAIN = 'planted-secret-4f9c2e81d7';
registerSecret(new Secret(PLAIN));

const finds = (text: string, tokenShapes = false): boolean =>
  holdsSecret(Buffer.from(text), { tokenShapes });

describe('a known secret', () => {
  const index = new SecretIndex(10);
  const odd = 'kN0wn/secret+7f~3a9é=';
  index.add(odd);

  it.each([
    ['as it is', odd],
    ['in the middle', `xx${odd}yy`],
    ['inside JSON', JSON.stringify({ token: `Bearer ${odd}` })],
    ['in a URL', `https://api.example/?t=${encodeURIComponent(odd)}&x=1`],
    ['in a form', new URLSearchParams({ token: odd }).toString()],
    ['in base64, alone', Buffer.from(odd).toString('base64')],
    ['in base64, after one byte', Buffer.from(`:${odd}`).toString('base64')],
    ['in base64, after two bytes', Buffer.from(`a:${odd}.`).toString('base64')],
    ['in base64url', Buffer.from(`a:${odd}b`).toString('base64url')],
    ['in Basic credentials', Buffer.from(`id:${encodeURIComponent(odd)}`).toString('base64')],
    ['as hex', Buffer.from(odd).toString('hex')],
  ])('is found %s', (_where, text) => {
    expect(index.findIn(Buffer.from(text))?.text).toBe(odd);
  });

  it.each([odd.slice(1), odd.slice(0, -1), odd.replace('7f', '7g'), '', 'x'])(
    'is not found in %j',
    (text) => expect(index.findIn(Buffer.from(text))).toBeNull(),
  );

  it('is found wherever it stands among others that end alike', () => {
    const secret = fc
      .stringMatching(/^[A-Za-z0-9._~+/-]{12,40}$/)
      .map((text) => `7${text}-same-end`);
    fc.assert(
      fc.property(fc.uniqueArray(secret, { minLength: 2 }), fc.string(), (secrets, around) => {
        const many = new SecretIndex(1_000);
        secrets.forEach((text) => many.add(text));
        for (const text of secrets) {
          expect(many.findIn(Buffer.from(`${around}${text}${around}`))).not.toBeNull();
        }
      }),
      { numRuns: 50 },
    );
  });

  it('is found among ten thousand, and the oldest is forgotten when there are too many', () => {
    const many = new SecretIndex(10_000);
    const all = Array.from({ length: 10_100 }, () => randomBytes(24).toString('base64url'));
    all.forEach((text) => many.add(text));
    expect(many.size).toBe(10_000);
    const known = all.filter((text) => many.findIn(Buffer.from(`"${text}"`))?.text === text);
    expect(known).toEqual(all.slice(100));
  });

  it('costs a scan the same however many there are: 64 kB are read in milliseconds', () => {
    const many = new SecretIndex(10_000);
    for (let n = 0; n < 10_000; n += 1) many.add(randomBytes(32).toString('base64url'));
    const payload = Buffer.from(randomBytes(48 * 1_024).toString('base64'));
    const startedAt = performance.now();
    for (let n = 0; n < 20; n += 1) expect(many.findIn(payload)).toBeNull();
    expect((performance.now() - startedAt) / 20).toBeLessThan(20);
  });

  it('that is registered again is the newest', () => {
    const [first, second, third] = ['first-1234567', 'second-1234567', 'third-1234567'] as const;
    const two = new SecretIndex(2);
    for (const text of [first, second, first, third]) two.add(text);
    expect(two.findIn(Buffer.from(first))).not.toBeNull();
    expect(two.findIn(Buffer.from(second))).toBeNull();
  });
});

describe('ordinary text', () => {
  it.each([
    ...['short-7f3a', 'superservice', 'https://auth.example/token', 'read:accounts write:accounts'],
    ...['Token.refresh_in_progress', 'tokenLifecycle', 'refreshAfter', 'client_credentials'],
    ...['2026-11-24T22:57:12.148Z', '1234567890123456', '"generation":1234', '{"a":1,"b":2}'],
  ])('%s is not taken for a secret, whoever issued it', (text) => {
    const index = new SecretIndex(10);
    index.add(text);
    expect(index.size).toBe(0);
  });

  it('is made of whole words: random letters that look like names are a secret', () => {
    const index = new SecretIndex(10);
    index.add('BsesOovCgFoRrCjGoyvtwmzj-rByzHzd');
    expect(index.size).toBe(1);
  });

  it.each(['', SECRET, randomBytes(32).toString('base64url'), 'A'.repeat(20), 'x'.repeat(100_000)])(
    'what is registered is judged in little time (%#)',
    (text) => {
      const startedAt = performance.now();
      new SecretIndex(10).add(text);
      expect(performance.now() - startedAt).toBeLessThan(100);
    },
  );
});

const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl';
const SHAPES = [
  JWT,
  `Bearer ${JWT}`,
  'authorization: bearer 0f8fad5bd9cb469fa165',
  'Authorization: Basic Y2xpZW50OnNlY3JldDEyMw==',
  '{"access_token":"0f8fad5bd9cb"}',
  '{"refresh_token" : "0f8fad5bd9cb"}',
  '{"refreshToken":"0f8fad5bd9cb"}',
  JSON.stringify({ body: JSON.stringify({ id_token: '0f8fad5bd9cb' }) }),
  JSON.stringify({ a: JSON.stringify({ b: JSON.stringify({ client_secret: '0f8fad5bd9cb' }) }) }),
  'grant_type=refresh_token&refresh_token=0f8fad5bd9cb',
  'client_id=a&client_secret=0f8fad5bd9cb',
  'client_assertion=0f8fad5bd9cb',
  'code_verifier=0f8fad5bd9cb0f8fad5bd9cb',
  '-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----',
  '-----BEGIN RSA PRIVATE KEY-----',
  'xoxb-123456789012-abcdef',
  `ghp_${'a1'.repeat(18)}`,
  `ya29.${'a1'.repeat(18)}`,
];
const NO_SHAPES = [
  '',
  'Use Bearer authentication with an access token.',
  'a bearer of bad news, and basic understanding',
  '{"authentication":"client_secret_post","token_type":"Bearer"}',
  '{"clientSecret":{"env":"CLIENT_SECRET"},"accessToken":null}',
  '{"grant_type":"refresh_token","access_token":"[redacted]"}',
  'The client_secret = is missing; refresh_token=',
  'grantType=client_credentials&scope=read',
  'eyJ is how they begin',
  '-----BEGIN CERTIFICATE-----',
  '{"kid":"access-1","purpose":"access_token","expiresAt":"2026-11-24T22:57:12.148Z"}',
];

describe('what looks like a token', () => {
  it.each(SHAPES)('is found: %s', (text) => {
    expect(finds(text, true)).toBe(true);
    expect(finds(text)).toBe(false);
    expect(finds(redactSecrets(`before ${text} after`), true)).toBe(false);
    expect(redactSecrets(`before ${text} after`)).toMatch(/^before .*\[redacted\].* after$/s);
  });

  it.each(NO_SHAPES)('is not seen where there is none: %s', (text) => {
    expect(finds(text, true)).toBe(false);
    expect(redactSecrets(text)).toBe(text);
  });
});

describe('redacting', () => {
  it('takes every form of a known secret out of a text, and leaves the rest', () => {
    const text = `a ${PLAIN} b ${encodeURIComponent(PLAIN)} c ${Buffer.from(PLAIN).toString('hex')}`;
    expect(redactSecrets(text)).toBe('a [redacted] b [redacted] c [redacted]');
  });

  it('leaves JSON to be JSON, and hides the value of a member that is named like a secret', () => {
    const line = JSON.stringify({
      ...{ level: 'info', n: 3, deep: [{ text: `\\n${PLAIN}"` }], access_token: 'abcdefgh12' },
      [`name ${PLAIN}`]: true,
    });
    expect(JSON.parse(redactJson(`${line}\n`))).toEqual({
      ...{ level: 'info', n: 3, deep: [{ text: '\\n[redacted]"' }], access_token: '[redacted]' },
      'name [redacted]': true,
    });
    expect(redactJson(`${line}\n`)).toMatch(/\}\n$/);
  });

  it('gives back a line without secrets as it was', () => {
    const line = '{"level":"info","msg":"Token issued"}\n';
    expect(redactJson(line)).toBe(line);
  });
});
