import { expect, it } from 'vitest';
import { isDeclaredRedirect } from '../../src/authorizations/redirect-uri.js';

it.each([
  ['https://a.example/cb', [], true],
  ['https://a.example/cb', ['https://a.example/cb'], true],
  ['https://a.example/cb/', ['https://a.example/cb'], false],
  ['https://a.example:8443/cb', ['https://a.example/cb'], false],
  ['http://127.0.0.1:4711/cb', ['http://127.0.0.1/cb'], true],
  ['http://127.0.0.1:4711/other', ['http://127.0.0.1/cb'], false],
  ['http://127.0.0.1:4711/cb', ['http://127.0.0.1:4712/cb'], false],
  ['http://localhost:4711/cb', ['http://127.0.0.1/cb'], false],
  ['not a url', ['http://127.0.0.1/cb'], false],
])('%s among %j: %s (RFC 9700 §2.1, RFC 8252 §7.3)', (redirectUri, declared, expected) => {
  expect(isDeclaredRedirect(redirectUri, declared)).toBe(expected);
});
