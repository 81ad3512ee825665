/** What an authorization server may answer to a refresh, and what becomes of the grant. */
import {
  answerOddly,
  dressed,
  lost,
  refused,
  withMembers,
  type Members,
  type Odd,
} from './support/odd-answers.js';
import type { Misbehaviour } from './support/rotating-server.js';
import { scenario } from './support/scenario.js';

scenario({
  alone: true,
  number: 33,
  fault: 'a 200 that is no token answer, of every kind, after the server has rotated',
  outcome: 'a typed failure without the body, the refresh token saved where it can be read',
  async run(fault) {
    const text = (body: string): Odd => ({ misbehaviour: lost(() => ({ body })), requests: 3 });
    const kept = (dress: (members: Members) => unknown): Odd => ({
      misbehaviour: dressed(dress),
      state: 'quarantined',
    });
    const count = await answerOddly(fault, {
      nothing: text(''),
      HTML: text('<html>login</html>'),
      'an array': text('[]'),
      null: text('null'),
      'an empty object': text('{}'),
      'half an object': text('{"access_token":"a'),
      'deep nesting': text('{"a":'.repeat(100_000)),
      '2 MiB before the tokens': {
        misbehaviour: lost((members) => ({
          body: JSON.stringify({ filler: 'x'.repeat(2 * 1024 * 1024), ...members }),
        })),
        requests: 3,
      },
      '2 MiB after the tokens': kept((members) => ({
        ...members,
        filler: 'x'.repeat(2 * 1024 * 1024),
      })),
      'tokens in an object of a vendor': kept((members) => ({ ok: true, data: members })),
      'tokens behind __proto__': kept(
        ({ access_token, ...rest }) =>
          `{"__proto__":{"access_token":${JSON.stringify(access_token)}},${JSON.stringify(rest).slice(1)}`,
      ),
      'members twice': {
        misbehaviour: dressed(
          (members) => `{"access_token":"first",${JSON.stringify(members).slice(1)}`,
        ),
      },
    });
    return { more: { badAnswers: count } };
  },
});

scenario({
  alone: true,
  number: 34,
  fault: 'valid tokens beside an ID token that is not one',
  outcome: 'the refresh token is kept: nothing asked for an ID token, so nothing judges it',
  async run(fault) {
    await answerOddly(fault, {
      'no JWT': { misbehaviour: withMembers({ id_token: 'garbage' }), rotation: 'strict' },
      'an object': { misbehaviour: withMembers({ id_token: { iss: 1 } }), rotation: 'strict' },
    });
    return undefined;
  },
});

scenario({
  alone: true,
  number: 35,
  fault: 'the answers of servers that deviate from RFC 6749',
  outcome: 'each is understood, or fails for what it is with the refresh token kept',
  async run(fault) {
    const strict = (misbehaviour: Misbehaviour, rest: Partial<Odd> = {}): Odd => ({
      ...{ misbehaviour, rotation: 'strict' },
      ...rest,
    });
    const without = (name: string): Misbehaviour =>
      dressed((members) =>
        Object.fromEntries(Object.entries(members).filter(([member]) => member !== name)),
      );
    const form = (members: Members): string =>
      new URLSearchParams(members as Record<string, string>).toString();
    const blocked = { state: 'blocked', generation: 1 };
    const count = await answerOddly(fault, {
      'no expires_in (1)': strict(without('expires_in')),
      'expires_in as text (2)': strict(withMembers({ expires_in: '3600' })),
      'expires_in that is none (2)': strict(withMembers({ expires_in: '3600abc' })),
      'expires_in of milliseconds since 1970 (4)': strict(
        withMembers({ expires_in: 1_900_000_000_000 }),
      ),
      'expires_at in place of expires_in (5)': strict(
        withMembers({ expires_in: undefined, expires_at: '2030-01-01T00:00:00Z' }),
      ),
      'an error with 200 (6)': strict(
        refused({ status: 200, body: { error: 'bad_refresh_token' } }),
        blocked,
      ),
      'a form (7)': strict(
        dressed(form, { headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
      ),
      'JSON that is called HTML (8)': strict(
        dressed((members) => members, { headers: { 'content-type': 'text/html' } }),
      ),
      '201 (9)': strict(dressed((members) => members, { status: 201 })),
      '202 (9)': strict(
        dressed((members) => members, { status: 202 }),
        { state: 'quarantined' },
      ),
      'camelCase members (10)': strict(
        dressed(({ access_token, refresh_token }) => ({
          accessToken: access_token,
          refresh_token,
        })),
        { state: 'quarantined' },
      ),
      'no token_type (11)': strict(without('token_type')),
      'BEARER (11)': strict(withMembers({ token_type: 'BEARER' })),
      'a token_type of its own (11)': strict(
        withMembers({ token_type: 'Application Access Token' }),
        { state: 'quarantined' },
      ),
      'scope as an array (12)': strict(withMembers({ scope: ['read', 'write'] })),
      'scope null (12)': strict(withMembers({ scope: null })),
      'no refresh token (13)': { misbehaviour: without('refresh_token'), rotation: 'none' },
      'a refresh token that is empty (13)': {
        misbehaviour: withMembers({ refresh_token: '' }),
        rotation: 'none',
      },
      'errors in an array (30)': strict(
        refused({ status: 400, body: { errors: [{ errorType: 'invalid_grant' }] } }),
        blocked,
      ),
      'no token at all (31)': {
        misbehaviour: refused({ status: 200, body: { result: '0000', message: 'OK' } }),
        ...{ rotation: 'none', requests: 3 },
      },
      '403 for a dead grant (40)': strict(refused({ status: 403, body: 'expired' }), blocked),
    });
    return { more: { badAnswers: count } };
  },
});

scenario({
  alone: true,
  number: 36,
  fault: 'an access token that may not stand in a header, and one of 64 kB',
  outcome: 'refused before a header is made, with nothing of it in a message; the large one serves',
  async run(fault) {
    const ending = (tail: string): Odd => ({
      misbehaviour: dressed((members) => ({
        ...members,
        access_token: `${String(members['access_token'])}${tail}`,
      })),
      ...{ state: 'quarantined', rotation: 'strict' },
    });
    await answerOddly(fault, {
      'CR LF': ending('\r\nx-evil: 1'),
      NUL: ending('\0'),
      'a letter beyond ASCII': ending('é'),
      '64 kB': { ...ending('x'.repeat(64 * 1024)), state: 'active' },
    });
    return { more: { badAnswers: 3 } };
  },
});
