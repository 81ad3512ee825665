import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { captureResponse, type TokenAnswer } from '../../src/oauth/capture.js';
import { parseMembers, salvageRefreshToken } from '../../src/oauth/members.js';
import { decodeBody } from '../../src/oauth/response-body.js';

const RUNS = { numRuns: 500 };

function answerOf(text: string, complete = true): TokenAnswer {
  return { text, complete, delimited: complete, httpStatus: 200, elapsedMs: 0 };
}

const token = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
const visibleToken = fc.stringMatching(/^[\x21-\x7e]{1,60}$/);
const extra = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 });

describe('reading an answer', () => {
  it('never throws, whatever is sent', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.json()),
        fc.boolean(),
        (text, whole) => {
          captureResponse(answerOf(text, whole));
          parseMembers(answerOf(text, whole));
          salvageRefreshToken(answerOf(text, whole));
        },
      ),
      RUNS,
    );
  });

  it('never throws for members of any type', () => {
    const members = ['access_token', 'refresh_token', 'token_type', 'scope', 'expires_in', 'error'];
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...members), fc.jsonValue())), (entries) => {
        captureResponse(answerOf(JSON.stringify(Object.fromEntries(entries))));
      }),
      RUNS,
    );
  });

  it('never loses a well-formed refresh token, whatever stands beside it', () => {
    fc.assert(
      fc.property(extra, fc.jsonValue(), token, (more, accessToken, refreshToken) => {
        const body = { ...more, access_token: accessToken, refresh_token: refreshToken };
        const response = captureResponse(answerOf(JSON.stringify(body)));
        expect(response?.refreshToken?.reveal()).toBe(refreshToken);
      }),
      RUNS,
    );
  });

  it('never loses one in a form either', () => {
    fc.assert(
      fc.property(token, token, (accessToken, refreshToken) => {
        const body = new URLSearchParams({
          refresh_token: refreshToken,
          access_token: accessToken,
        });
        const response = captureResponse(answerOf(body.toString()));
        expect(response?.refreshToken?.reveal()).toBe(refreshToken);
      }),
      RUNS,
    );
  });

  it('yields the whole refresh token or none when JSON is cut anywhere', () => {
    fc.assert(
      fc.property(token, extra, fc.nat(), (refreshToken, more, at) => {
        delete more['refresh_token'];
        const nested = JSON.stringify(more).includes('refresh_token');
        fc.pre(!nested);
        const body = JSON.stringify({ access_token: 'a', refresh_token: refreshToken, ...more });
        const cut = body.slice(0, at % body.length);
        const value = captureResponse(answerOf(cut, false))?.refreshToken?.reveal();
        const closed = cut.includes(`"refresh_token":${JSON.stringify(refreshToken)}`);
        expect(value).toBe(closed ? refreshToken : undefined);
      }),
      RUNS,
    );
  });

  it('yields the whole refresh token or none when a form is cut anywhere', () => {
    fc.assert(
      fc.property(token, fc.nat(), (refreshToken, at) => {
        const body = new URLSearchParams({ refresh_token: refreshToken, access_token: 'at' });
        const text = body.toString();
        const cut = text.slice(0, at % text.length);
        const value = captureResponse(answerOf(cut, false))?.refreshToken?.reveal();
        expect(value).toBe(cut.includes('&') ? refreshToken : undefined);
      }),
      RUNS,
    );
  });

  it('yields the whole refresh token or none when gzip is cut anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(visibleToken, fc.nat(), async (refreshToken, at) => {
        const body = gzipSync(JSON.stringify({ refresh_token: refreshToken, access_token: 'a' }));
        const decoded = await decodeBody(body.subarray(0, at % body.length), 'gzip');
        const value = captureResponse(answerOf(decoded.text, false))?.refreshToken?.reveal();
        expect([refreshToken, undefined]).toContain(value);
      }),
      { numRuns: 200 },
    );
  });

  it('hands out an access token for use only when it can stand in a header', () => {
    fc.assert(
      fc.property(fc.oneof(token, visibleToken), (accessToken) => {
        const response = captureResponse(answerOf(JSON.stringify({ access_token: accessToken })));
        const usable = /^[\x21-\x7e]+$/.test(accessToken);
        expect(response?.problem).toBe(usable ? null : 'access_token_unusable');
      }),
      RUNS,
    );
  });

  it('shows no token when it is printed', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (accessToken, refreshToken) => {
        const body = { access_token: accessToken, refresh_token: refreshToken };
        const shown = inspect(captureResponse(answerOf(JSON.stringify(body))), { depth: 9 });
        expect(shown.includes(accessToken) || shown.includes(refreshToken)).toBe(false);
      }),
    );
  });

  it('scans megabytes of broken quotes in time', () => {
    const text = '"refresh_token":"\\"'.repeat(50_000);
    const startedAt = performance.now();
    salvageRefreshToken(answerOf(text, false));
    salvageRefreshToken(answerOf(`{"refresh_token":"${'a'.repeat(1_000_000)}`, false));
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});
