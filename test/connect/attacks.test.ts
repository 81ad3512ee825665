/**
 * What somebody tries who wants another's account, or the operators' overview. Every answer, whatever
 * it is, is also held to the rules of `expectSafe`.
 */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConnectApp } from '../../src/connect/index.js';
import {
  createFileKeyProvider,
  deriveMacKey,
  exportAccessKeys,
  generateKeys,
} from '../../src/store/index.js';
import { consentAt } from '../support/consent.js';
import { CLIENT_SECRET } from '../support/token-system.js';
import {
  OPERATOR_TOKEN,
  PUBLIC_URL,
  Visitor,
  csrfIn,
  startConnectSystem,
  type ConnectSystem,
  type Seen,
} from './connect-system.js';

const CALLBACK = `${PUBLIC_URL}/callback`;
let connect: ConnectSystem;
/** A fresh page for each attack, so that one's limits are not another's. */
let app: ConnectApp;
let victim: Visitor;
let attacker: Visitor;
let mine: string;
let theirs: string;
let myLink: string;
let theirLink: string;

beforeAll(async () => {
  connect = await startConnectSystem();
  mine = await connect.put('mine');
  theirs = await connect.put('theirs');
  myLink = await connect.link(mine);
  theirLink = await connect.link(theirs);
});
afterAll(() => connect.close());
beforeEach(() => {
  app = connect.another({});
  victim = new Visitor(app);
  attacker = new Visitor(app);
});

/** What holds for every answer. */
function expectSafe({ headers, text, location, status }: Seen): void {
  const policy = headers.get('content-security-policy') ?? '';
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|\*|data:/);
  expect(headers.get('x-frame-options')).toBe('DENY');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  expect(headers.get('cache-control')).toBe('no-store');
  expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  expect(text).not.toMatch(/<script(?! src="\/progress-)|<style| style=| on\w+=|javascript:/i);
  for (const secret of [CLIENT_SECRET, OPERATOR_TOKEN]) expect(text).not.toContain(secret);
  const { authorizationServer } = connect.system;
  const { issuer } = authorizationServer;
  for (const secret of authorizationServer.everIssued()) expect(text).not.toContain(secret);
  if (location !== null && !location.startsWith(`${issuer}/auth?`)) {
    expect(location).toMatch(/^\/(?!\/)[\w./?=-]*$/);
  }
  if (status >= 500) expect(status).toBe(503);
}

/** Repeats until it is too often, however slow the machine is. */
async function untilTooOften(attempt: () => Promise<Seen>): Promise<Seen> {
  for (let n = 0; n < 500; n += 1) {
    const seen = await attempt();
    if (seen.status === 429) return seen;
  }
  throw new Error('it was never too often');
}

/** An attack, what it does, and what comes back. */
type Attack = [name: string, attempt: () => Promise<Seen>, status: number, text?: RegExp];

const run = (attacks: readonly Attack[]): void => {
  it.each(attacks)('%s', async (_, attempt, status, text = /./) => {
    const seen = await attempt();
    expect([seen.status, seen.location ?? seen.text]).toEqual([
      status,
      expect.stringMatching(text) as string,
    ]);
    expectSafe(seen);
  });
};

const contentOf = (link: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(partsOf(link)[0], 'base64url').toString()) as Record<string, unknown>;
const encoded = (content: unknown): string =>
  Buffer.from(JSON.stringify(content)).toString('base64url');

function partsOf(link: string): [string, string] {
  const [content = '', code = ''] = link.replace('/c/', '').split('.');
  return [content, code];
}

/** Signs whatever with a key of one's own choosing. */
async function signedWith(keysFile: string, content: unknown): Promise<string> {
  const text = encoded(content);
  const derived = await deriveMacKey(createFileKeyProvider(keysFile), 'connect-link');
  if (derived === null) throw new Error('no key');
  const code = await crypto.subtle.sign('HMAC', derived.key, Buffer.from(text));
  return `/c/${text}.${Buffer.from(code).toString('base64url')}`;
}

/** A link signed as ours are, with the key of another key file. */
async function signedElsewhere(own: boolean): Promise<string> {
  const file = `${connect.system.keysFile}.${randomBytes(4).toString('hex')}`;
  await generateKeys(file);
  const { kid } = await createFileKeyProvider(file).active('grant');
  const content = contentOf(theirLink);
  const link = await signedWith(file, own ? content : { ...content, k: kid });
  await rm(file);
  return link;
}

/** What an application with `access` keys can make of them. */
async function signedByApplication(): Promise<string> {
  const file = `${connect.system.keysFile}.access`;
  await exportAccessKeys(connect.system.keysFile, file);
  const keys = createFileKeyProvider(file);
  const { kid, key } = await keys.active('access');
  // As `deriveMacKey` would, had the application a key of the right purpose.
  const asGrant = {
    active: async () => ({ kid, key }),
    get: async () => key,
    list: async () => [{ kid, purpose: 'grant', active: true }],
  };
  const derived = await deriveMacKey(asGrant, 'connect-link', kid);
  if (derived === null) throw new Error('no key');
  const text = encoded({ ...contentOf(theirLink), k: kid });
  const code = await crypto.subtle.sign('HMAC', derived.key, Buffer.from(text));
  return `/c/${text}.${Buffer.from(code).toString('base64url')}`;
}

describe('a link', () => {
  const open = (link: string) => attacker.get(link);
  run([
    [
      'with a guessed signature opens nothing',
      () => open(`/c/${partsOf(theirLink)[0]}.${randomBytes(32).toString('base64url')}`),
      404,
    ],
    ['without a signature opens nothing', () => open(`/c/${partsOf(theirLink)[0]}.`), 404],
    ['that is only its signature opens nothing', () => open(`/c/.${partsOf(theirLink)[1]}`), 404],
    [
      'of mine, changed to theirs, opens nothing',
      () => open(`/c/${encoded({ ...contentOf(myLink), c: theirs })}.${partsOf(myLink)[1]}`),
      404,
    ],
    [
      'whose end was put off opens nothing',
      () => open(`/c/${encoded({ ...contentOf(myLink), e: 9e9 })}.${partsOf(myLink)[1]}`),
      404,
    ],
    ['signed with another key opens nothing', async () => open(await signedElsewhere(true)), 404],
    [
      'signed with a key we never had opens nothing',
      async () => open(await signedElsewhere(false)),
      404,
    ],
    [
      'signed with the key of an application opens nothing',
      async () => open(await signedByApplication()),
      404,
    ],
    [
      'that is too old opens nothing',
      async () => open(await connect.link(mine, -1_000)),
      410,
      /too old/,
    ],
    [
      'to a connection that was made anew opens nothing',
      async () => {
        const id = await connect.put('anew');
        const link = await connect.link(id);
        const { database } = connect.system;
        await database.tokens.updateOne({ _id: id }, { $set: { incarnation: 'another1' } });
        return open(link);
      },
      404,
      /not there any more/,
    ],
    ...[
      null,
      [],
      'text',
      { c: { $ne: '' }, i: '', e: 1, f: '', k: '' },
      { __proto__: { c: 'mine' } },
    ].map((content): Attack => [
      `whose content is ${JSON.stringify(content)} opens nothing`,
      () => open(`/c/${encoded(content).padEnd(24, 'A')}.${'A'.repeat(43)}`),
      404,
    ]),
    ['to mine does not show the device code of theirs', foreignDevice, 404],
    [
      'is slowed down when somebody tries many',
      async () => {
        const seen = await untilTooOften(() => open(`/c/${'A'.repeat(24)}.${'A'.repeat(43)}`));
        // Whoever has one is not.
        expect((await victim.get(myLink)).status).toBe(200);
        return seen;
      },
      429,
    ],
  ]);

  async function foreignDevice(): Promise<Seen> {
    const id = await connect.put(`device-${randomBytes(2).toString('hex')}`, {
      grant: { grantType: 'device_code' },
    });
    const page = await victim.connect(await connect.link(id));
    expect((await victim.get(page)).status).toBe(200);
    return attacker.get(`${myLink}/device/${page.split('/').at(-1) ?? ''}`);
  }
});

describe('a form', () => {
  const connectMine = async (
    form: (csrf: string) => Record<string, string>,
    headers: Record<string, string> = {},
  ) => victim.post(`${myLink}/connect`, form(await victim.csrf(myLink)), headers);

  run([
    ['without its proof does nothing', () => connectMine(() => ({})), 403],
    ['with an empty proof does nothing', () => connectMine(() => ({ csrf: '' })), 403],
    [
      "with another browser's proof does nothing",
      async () => {
        const csrf = await attacker.csrf(myLink);
        return connectMine(() => ({ csrf }));
      },
      403,
    ],
    [
      'with the proof of another connection does nothing',
      async () => {
        const csrf = await victim.csrf(theirLink);
        return connectMine(() => ({ csrf }));
      },
      403,
    ],
    [
      'with the proof of another action does nothing',
      async () => victim.post(`${myLink}/disconnect`, { csrf: await victim.csrf(myLink) }),
      403,
    ],
    [
      'from a browser without cookies does nothing',
      async () => {
        const csrf = await victim.csrf(myLink);
        return new Visitor(app).post(`${myLink}/connect`, { csrf });
      },
      403,
    ],
    [
      'from a page elsewhere does nothing (Fetch Metadata)',
      () => connectMine((csrf) => ({ csrf }), { 'sec-fetch-site': 'cross-site' }),
      403,
    ],
    [
      'from a page of a sibling host does nothing',
      () => connectMine((csrf) => ({ csrf }), { 'sec-fetch-site': 'same-site' }),
      403,
    ],
    [
      'from another origin does nothing',
      () => connectMine((csrf) => ({ csrf }), { origin: 'https://evil.example' }),
      403,
    ],
    [
      'as JSON does nothing',
      async () =>
        victim.send(`${myLink}/connect`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ csrf: await victim.csrf(myLink) }),
        }),
      403,
    ],
    [
      'as plain text, which other origins may send, does nothing',
      async () =>
        victim.send(`${myLink}/connect`, {
          method: 'POST',
          headers: { 'content-type': 'text/plain' },
          body: `csrf=${await victim.csrf(myLink)}`,
        }),
      403,
    ],
    [
      'too large is not read',
      () => connectMine((csrf) => ({ csrf, more: 'x'.repeat(5_000) })),
      413,
    ],
    [
      'too large without a length is not read either',
      async () => {
        await victim.get(myLink);
        const chunk = new TextEncoder().encode('x'.repeat(3_000));
        const body = new ReadableStream({
          start(controller) {
            controller.enqueue(chunk);
            controller.enqueue(chunk);
            controller.close();
          },
        });
        const headers = { 'content-type': 'application/x-www-form-urlencoded' };
        const init = { method: 'POST', headers, body, duplex: 'half' } as RequestInit;
        return victim.send(`${myLink}/connect`, init);
      },
      413,
    ],
    ['sent by a link (GET) does nothing', () => victim.get(`${myLink}/connect`), 404],
    [
      'sent again and again is slowed down',
      async () => {
        const id = await connect.put(`flood-${randomBytes(2).toString('hex')}`);
        const link = await connect.link(id);
        const csrf = await victim.csrf(link);
        return untilTooOften(() => victim.post(`${link}/connect`, { csrf }));
      },
      429,
      /Wait \d+ seconds/,
    ],
  ]);

  it('that was refused has begun nothing', async () => {
    const count = () =>
      connect.system.database.authorizations.countDocuments({ connectionId: theirs });
    const before = await count();
    await attacker.post(`${theirLink}/connect`, { csrf: 'x' });
    expect(await count()).toBe(before);
  });
});

describe('the callback', () => {
  /** The victim has begun, and the authorization server has answered; nothing is received yet. */
  async function answered(): Promise<{ back: URL; state: string; phase: () => Promise<string> }> {
    const begun = await victim.connect(await connect.link(mine));
    const back = await consentAt(begun, CALLBACK);
    const state = back.searchParams.get('state') ?? '';
    const { authorizations } = connect.system.database;
    const newest = await authorizations.findOne(
      { connectionId: mine },
      { sort: { createdAt: -1 } },
    );
    const phase = async () =>
      (await authorizations.findOne({ _id: newest?._id ?? '' }))?.phase ?? 'gone';
    expect(await phase()).toBe('pending');
    return { back, state, phase };
  }

  /** An answer that must not change what the victim has begun. */
  async function unchanged(attempt: (back: URL) => Promise<Seen>): Promise<Seen> {
    const { back, phase } = await answered();
    const seen = await attempt(back);
    expect(await phase()).toBe('pending');
    return seen;
  }

  const changed = (back: URL, change: (query: URLSearchParams) => void): string => {
    const url = new URL(back);
    change(url.searchParams);
    return url.href;
  };

  run([
    [
      'with a state of another browser changes nothing',
      () =>
        unchanged(async (back) => {
          await attacker.get(theirLink);
          return attacker.get(back.href);
        }),
      303,
      /^\/callback\/foreign$/,
    ],
    [
      'in a browser without cookies changes nothing',
      () => unchanged((back) => new Visitor(app).get(back.href)),
      303,
      /foreign$/,
    ],
    [
      "of the attacker's own account, forced on the victim, changes nothing (RFC 6749 §10.12)",
      async () => {
        const begun = await attacker.connect(await connect.link(theirs));
        const back = await consentAt(begun, CALLBACK, { account: 'mallory' });
        await victim.get(myLink);
        return victim.get(back.href);
      },
      303,
      /foreign$/,
    ],
    [
      'with a guessed state changes nothing',
      () => unchanged((back) => victim.get(changed(back, (q) => q.set('state', 'guessed')))),
      303,
      /foreign$/,
    ],
    [
      'without a state changes nothing',
      () => unchanged((back) => victim.get(changed(back, (q) => q.delete('state')))),
      303,
      /foreign$/,
    ],
    [
      'with two states changes nothing',
      () => unchanged((back) => victim.get(changed(back, (q) => q.append('state', 'x')))),
      303,
      /foreign$/,
    ],
    [
      'with a state that is a query operator changes nothing',
      () =>
        unchanged((back) =>
          victim.get(
            changed(back, (q) => {
              q.delete('state');
              q.set('state[$ne]', '');
            }),
          ),
        ),
      303,
      /foreign$/,
    ],
    [
      'sent with HEAD changes nothing',
      () => unchanged((back) => victim.get(back.href, {}, 'HEAD')),
      405,
      /^$/,
    ],
    [
      'sent as a form changes nothing',
      () => unchanged((back) => victim.post('/callback', Object.fromEntries(back.searchParams))),
      404,
    ],
    [
      'that names another issuer ends the try (RFC 9207)',
      async () => {
        const { back, phase } = await answered();
        const seen = await victim.get(changed(back, (q) => q.set('iss', 'https://evil.example')));
        expect(await phase()).toBe('failed');
        return victim.get(seen.location ?? '');
      },
      200,
      /fits nothing/,
    ],
    [
      'with markup in the error description shows none of it',
      async () => {
        const { state } = await answered();
        const query = new URLSearchParams({
          state,
          error: 'access_denied',
          error_description: '<script>alert(1)</script>',
          iss: connect.system.authorizationServer.issuer,
        });
        return victim.get((await victim.get(`/callback?${query.toString()}`)).location ?? '');
      },
      200,
      /^(?![^]*alert)[^]*Not connected/,
    ],
    [
      'that comes late ends the try',
      async () => {
        const { back } = await answered();
        const { authorizations } = connect.system.database;
        await authorizations.updateMany({ phase: 'pending' }, { $set: { expiresAt: new Date(0) } });
        return victim.get((await victim.get(back.href)).location ?? '');
      },
      200,
      /took too long/,
    ],
    [
      'with a code that never ends is not read',
      () => victim.get(`/callback?state=s&code=${'c'.repeat(9_000)}`),
      414,
    ],
    [
      "'s result is not for another browser",
      async () => {
        const { back } = await answered();
        const { location } = await victim.get(back.href);
        return attacker.get(location ?? '');
      },
      404,
    ],
    ["'s result cannot be guessed", () => victim.get(`/result/${'A'.repeat(22)}`), 404],
  ]);

  it('that comes twice leads to the same page and one exchange', async () => {
    const { back } = await answered();
    const [first, second] = await Promise.all([victim.get(back.href), victim.get(back.href)]);
    const third = await victim.get(back.href);
    expect([second.location, third.location]).toEqual([first.location, first.location]);
    const again = await victim.get(changed(back, (q) => q.set('code', 'another-code')));
    expect(again.location).toBe(first.location);
    const stolen = await attacker.get(back.href);
    expect(stolen.location).toBe('/callback/foreign');
    const id = first.location?.split('/').at(-1) ?? '';
    const found = await connect.system.database.authorizations.findOne({ _id: id });
    expect(found?.phase).toBe('received');
  });
});

describe('an address', () => {
  run([
    [
      'of another host is not answered (DNS rebinding)',
      () => attacker.get('http://evil.example/overview'),
      421,
    ],
    [
      'with another Host header is not answered',
      () => attacker.get(myLink, { host: 'evil.example' }),
      421,
    ],
    [
      'with a port that is not ours is not answered',
      () => attacker.get(myLink, { host: '127.0.0.1:9999' }),
      421,
    ],
    ['that begins with // leads nowhere else', () => attacker.get('//evil.example/%2e%2e'), 404],
    [
      'with dots leads no further than its path',
      () => attacker.get(`${myLink}/../../overview`),
      401,
    ],
    ['with encoded dots leads nowhere', () => attacker.get(`${myLink}/..%2f..%2foverview`), 404],
    ['with an encoded slash leads nowhere', () => attacker.get('/overview%2f'), 404],
    ['with a backslash leads nowhere', () => attacker.get('/\\evil.example/x'), 404],
    ['with a null byte leads nowhere', () => attacker.get('/c/%00'), 404],
    ['with a broken escape leads nowhere', () => attacker.get('/c/%E0%A4%A'), 404],
    [
      'with an encoded line feed sets no header',
      () => attacker.get('/c/x%0d%0aset-cookie:%20evil=1'),
      404,
    ],
    ['in capitals is another one', () => attacker.get('/OVERVIEW'), 404],
    ['that is too long is not read', () => attacker.get(`/c/${'A'.repeat(9_000)}`), 414],
    ['of a file of ours is not found', () => attacker.get('/package.json'), 404],
    ['with markup shows none', () => attacker.get('/<img src=x onerror=alert(1)>'), 404],
    ...['PUT', 'DELETE', 'PATCH', 'OPTIONS'].map((method): Attack => [
      `with ${method} does nothing`,
      () => attacker.get(myLink, { origin: 'https://evil.example' }, method),
      405,
    ]),
  ]);

  it('that another server claims in a header changes no link and no redirect', async () => {
    const headers = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'gopher',
      forwarded: 'host=evil.example',
    };
    const { text } = await victim.get(myLink, headers);
    expect(text).not.toContain('evil.example');
    const seen = await victim.post(`${myLink}/connect`, { csrf: csrfIn(text) }, headers);
    expect(seen.location).toContain(`${connect.system.authorizationServer.issuer}/auth?`);
    const { authorizations } = connect.system.database;
    const begun = await authorizations.findOne({ connectionId: mine }, { sort: { createdAt: -1 } });
    expect(begun?.redirectUri).toBe(CALLBACK);
  });

  it('asked for too often by one is answered later, and by others at once', async () => {
    const limited = connect.another({ clientAddress: (request) => request.headers.get('x-test') });
    const one = new Visitor(limited);
    expect((await one.get('/', { 'x-test': 'a' })).status).toBe(200);
    const refused = await untilTooOften(() => one.get('/', { 'x-test': 'a' }));
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await one.get('/', { 'x-test': 'b' })).status).toBe(200);
  });
});

describe('a cookie', () => {
  it.each(['short', 'x'.repeat(4_000), '../../etc', '"><script>'])(
    'that is none of ours (%.12s) is replaced',
    async (value) => {
      const seen = await attacker.get(myLink, { cookie: `connect-browser=${value}` });
      expect(seen.headers.getSetCookie().join()).toMatch(/^connect-browser=[\w-]{43};/);
      expectSafe(seen);
    },
  );

  it('is not for scripts, nor for requests from elsewhere', async () => {
    const { headers } = await victim.get(myLink);
    expect(headers.getSetCookie()[0]).toMatch(/; HttpOnly; SameSite=Lax$/);
  });
});

describe('the overview', () => {
  const cookieOf = (value: string) => ({
    cookie: `connect-browser=${'A'.repeat(43)}; connect-operator=${value}`,
  });

  run([
    ['shows no connection to nobody', () => attacker.get('/overview'), 401, /^(?![^]*theirs)/],
    [
      'shows no connection by its id either',
      () => attacker.get(`/overview/${theirs}`),
      401,
      /^(?![^]*theirs)/,
    ],
    [
      'makes no link for nobody',
      async () =>
        attacker.post(`/overview/${theirs}/link`, {
          csrf: await attacker.csrf('/overview'),
          from: 'x',
          hours: '1',
        }),
      401,
    ],
    ['does not open to a wrong token', () => attacker.signIn('wrong'), 401, /not the token/],
    [
      'does not open to a token that begins right',
      () => attacker.signIn(OPERATOR_TOKEN.slice(0, -1)),
      401,
    ],
    ['does not open to an empty token', () => attacker.signIn(''), 401],
    [
      'is slow with whoever guesses',
      async () => {
        const guess = { csrf: await attacker.csrf('/overview'), token: 'guess' };
        return untilTooOften(() => attacker.post('/overview/sign-in', guess));
      },
      429,
    ],
    [
      'does not open to a session that was made up',
      () => attacker.get('/overview', cookieOf(`${Date.now() + 1e6}.${'A'.repeat(43)}`)),
      401,
    ],
    [
      'does not open to a session without a signature',
      () => attacker.get('/overview', cookieOf(`${Date.now() + 1e6}.`)),
      401,
    ],
    [
      "does not open to another browser's session",
      async () => {
        await victim.signIn();
        const { cookies } = victim;
        await attacker.get('/overview');
        attacker.cookies.set('connect-operator', cookies.get('connect-operator') ?? '');
        return attacker.get('/overview');
      },
      401,
    ],
    [
      'does not open to a session that lives on by itself',
      async () => {
        await victim.signIn();
        const [, code = ''] = victim.cookies.get('connect-operator')?.split('.') ?? [];
        victim.cookies.set('connect-operator', `${Date.now() + 1e9}.${code}`);
        return victim.get('/overview');
      },
      401,
    ],
    [
      'does not open to a session of another token',
      async () => {
        await victim.signIn();
        const other = new Visitor(connect.another({ operatorToken: 'another-operators-token-1' }));
        for (const [name, value] of victim.cookies) other.cookies.set(name, value);
        return other.get('/overview');
      },
      401,
    ],
    [
      'is not there without a token',
      () => new Visitor(connect.another({ operatorToken: undefined })).get('/overview'),
      404,
    ],
    [
      'makes no link without the proof of a form',
      async () => {
        await victim.signIn();
        return victim.post(`/overview/${theirs}/link`, { from: 'x', hours: '1' });
      },
      403,
    ],
    [
      'makes no link that never ends',
      async () => {
        await victim.signIn();
        return victim.post(`/overview/${theirs}/link`, {
          csrf: await victim.csrf('/overview'),
          from: 'x',
          hours: '999999',
        });
      },
      400,
    ],
    [
      'searches for text, not for a pattern',
      async () => {
        await victim.signIn();
        return victim.get(`/overview?q=${encodeURIComponent('.*')}&state[$ne]=x&after[$gt]=`);
      },
      200,
      /No connection fits/,
    ],
    [
      'shows a search with markup as text',
      async () => {
        await victim.signIn();
        return victim.get(`/overview?q=${encodeURIComponent('"><script>alert(1)</script>')}`);
      },
      200,
      /&quot;&gt;&lt;script&gt;/,
    ],
    [
      'leads nowhere else after signing in',
      async () => {
        const csrf = await victim.csrf('/overview?next=//evil.example');
        return victim.post('/overview/sign-in?next=//evil.example', {
          csrf,
          token: OPERATOR_TOKEN,
          next: '//evil.example',
        });
      },
      303,
      /^\/overview$/,
    ],
  ]);

  it('closes after eight hours', async () => {
    await victim.signIn();
    expect((await victim.get('/overview')).status).toBe(200);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 8 * 3_600_000 + 1_000 });
    try {
      expect((await victim.get('/overview')).status).toBe(401);
    } finally {
      vi.useRealTimers();
    }
  });
});

it('shows what a connection file says as text, whatever it says', async () => {
  const { connectionId } = await connect.system.put({
    ...connect.system.connectionFile('markup', {
      grant: { grantType: 'client_credentials', scope: '<b>read</b>' },
    }),
    client: { clientId: '"><script>alert(1)</script>', authentication: 'none' },
  });
  const { url } = await app.makeLink({
    connectionId,
    lifetimeMs: 60_000,
    from: '<i>who</i>\r\nset-cookie: a=b',
  });
  const seen = await victim.get(url);
  expect(seen.text).toMatch(/&lt;i&gt;who[^]*&lt;script&gt;[^]*&lt;b&gt;read/);
  expectSafe(seen);
});

it('tells of an error its type and place, and nothing of what was asked', async () => {
  const { keysFile } = connect.system;
  const told: string[] = [];
  const broken = connect.another({
    keys: `${keysFile}.missing`,
    onWarning: (text) => told.push(text),
  });
  const seen = await new Visitor(broken).get(`${myLink}?code=marked-code`);
  expect(seen.status).toBe(503);
  expectSafe(seen);
  expect(told.join()).toContain('GET /c/:link: Store.key_unavailable');
  expect(told.join()).not.toMatch(/marked-code|theirs|mine/);
});

it('a link ends with the key it was signed with', async () => {
  const { keysFile } = connect.system;
  const own = createFileKeyProvider(keysFile);
  const { kid } = await own.active('grant');
  const without = {
    ...own,
    list: async () => (await own.list()).filter((key) => key.kid !== kid),
  };
  const seen = await new Visitor(connect.another({ keys: without })).get(myLink);
  expect(seen.status).toBe(404);
  expect((await victim.get(myLink)).status).toBe(200);
});
