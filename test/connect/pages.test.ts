/** What people see, over the real parts and without a browser. */
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NOWHERE } from '../cli/run.js';
import { OPENID_SCOPE, REDIRECT_URI } from '../integration/consent-system.js';
import { consentAt, consentOnDevice } from '../support/consent.js';
import { CLIENT_ID } from '../support/token-system.js';
import {
  PUBLIC_URL,
  Visitor,
  csrfIn,
  startConnectSystem,
  type ConnectSystem,
  type Seen,
} from './connect-system.js';

const CALLBACK = `${PUBLIC_URL}/callback`;
let connect: ConnectSystem;
beforeAll(async () => {
  connect = await startConnectSystem();
  await connect.system.startWorker();
});
afterAll(() => connect.close());

/** Looks at a page until it says something. */
async function until(visitor: Visitor, path: string, text: string): Promise<Seen> {
  const look = async () => (await visitor.get(path)).text;
  await expect.poll(look, { timeout: 30_000 }).toContain(text);
  return visitor.get(path);
}

async function connected(name: string): Promise<{ id: string; link: string; visitor: Visitor }> {
  const id = await connect.put(name);
  const link = await connect.link(id);
  const visitor = new Visitor(connect.app);
  const back = await consentAt(await visitor.connect(link), CALLBACK);
  const { location } = await visitor.get(back.href);
  await until(visitor, location ?? '', 'You can close this window');
  return { id, link, visitor };
}

describe("a connection's page", () => {
  it('says who asks for what, at whom, and what it is used for', async () => {
    const id = await connect.put('asks');
    const { text, status } = await new Visitor(connect.app).get(await connect.link(id));
    expect(status).toBe(200);
    for (const said of [
      ...[id, 'Needs your consent', '>Connect</button>', 'the test', CLIENT_ID],
      ...OPENID_SCOPE.split(' '),
      ...[connect.system.authorizationServer.issuer, connect.system.api.origin],
    ]) {
      expect(text).toContain(said);
    }
    expect(text).not.toContain('Disconnect');
  });

  it('connects, and disconnects', async () => {
    const { link, visitor } = await connected('connects');
    const { text } = await visitor.get(link);
    expect(text).toMatch(/Connected until[^]*>Reconnect<\/button>[^]*Disconnect…/);
    const confirm = await visitor.get(`${link}/disconnect`);
    expect(confirm.text).toContain('Nobody gets the access any more');
    const done = await visitor.post(`${link}/disconnect`, { csrf: csrfIn(confirm.text) });
    expect([done.status, done.location]).toEqual([303, link]);
    const after = await until(visitor, link, 'The access was given back');
    expect(after.text).toMatch(/>Connect<\/button>/);
    expect(connect.system.authorizationServer.countRefreshTokens()).toBe(0);
  });

  it('says that there is nothing to do where nobody is asked', async () => {
    const { connectionId } = await connect.system.put(connect.system.connectionFile('machine'));
    const link = await connect.link(connectionId);
    const visitor = new Visitor(connect.app);
    const { text } = await visitor.get(link);
    expect(text).toContain('works without a person');
    expect(text).not.toContain('<button');
    expect((await visitor.get(`${link}/disconnect`)).location).toBe(link);
  });

  it('tells the operator what is missing when it is no redirect URI of the client', async () => {
    const id = await connect.put('elsewhere', {
      grant: { redirectUris: ['http://127.0.0.1/other'] },
    });
    const link = await connect.link(id);
    const visitor = new Visitor(connect.app);
    const seen = await visitor.post(`${link}/connect`, { csrf: await visitor.csrf(link) });
    expect([seen.status, seen.text]).toEqual([409, expect.stringContaining(CALLBACK)]);
    const known = await connect.put('known', { grant: { redirectUris: [REDIRECT_URI] } });
    expect(await visitor.connect(await connect.link(known))).toContain('/auth?');
  });

  it('shows the code of a device, and that it is done', async () => {
    const id = await connect.put('device', { grant: { grantType: 'device_code' } });
    const link = await connect.link(id);
    const visitor = new Visitor(connect.app);
    const page = await visitor.connect(link);
    const { text } = await visitor.get(page);
    const [, code = ''] = /class="code"><span>([^<]+)/.exec(text) ?? [];
    const [, uri = ''] = /href="(http[^"?]+)"/.exec(text) ?? [];
    expect(text).toContain('data-progress="pending"');
    await consentOnDevice(uri, code);
    await until(visitor, page, 'You can close this window');
  });
});

describe('after the callback', () => {
  it('the code is not in the address any more, and the person may go', async () => {
    const id = await connect.put('result');
    const visitor = new Visitor(connect.app);
    const back = await consentAt(await visitor.connect(await connect.link(id)), CALLBACK);
    const { status, location } = await visitor.get(back.href);
    expect([status, location]).toEqual([303, expect.stringMatching(/^\/result\/[\w-]{22}$/)]);
    const { text } = await until(visitor, location ?? '', 'is connected');
    expect(text).toContain('See the connection');
    for (const value of back.searchParams.values()) {
      if (value !== connect.system.authorizationServer.issuer) expect(text).not.toContain(value);
    }
  });

  it('a consent is not lost while Temporal is away: the same address is loaded again', async () => {
    const id = await connect.put('temporal-away');
    const visitor = new Visitor(connect.app);
    const back = await consentAt(await visitor.connect(await connect.link(id)), CALLBACK);
    const connection = Connection.lazy({ address: NOWHERE });
    const away = new Visitor(connect.another({ client: new Client({ connection }) }));
    for (const [name, value] of visitor.cookies) away.cookies.set(name, value);
    const kept = await away.get(back.href);
    expect([kept.status, kept.text]).toEqual([503, expect.stringContaining('try again') as string]);
    await connection.close();
    const { location } = await visitor.get(back.href);
    await until(visitor, location ?? '', 'is connected');
  });

  it('a refusal has changed nothing, and says how to go on', async () => {
    const id = await connect.put('refused');
    const link = await connect.link(id);
    const visitor = new Visitor(connect.app);
    const back = await consentAt(await visitor.connect(link), CALLBACK, { decision: 'deny' });
    const { location } = await visitor.get(back.href);
    const { text } = await visitor.get(location ?? '');
    expect(text).toMatch(/Not connected[^]*nothing has changed[^]*Back to the connection/);
    expect((await visitor.get(link)).text).toContain('Needs your consent');
  });

  it('another account than before is not taken', async () => {
    const { link } = await connected('another');
    const visitor = new Visitor(connect.app);
    const back = await consentAt(await visitor.connect(link), CALLBACK, { account: 'bob' });
    const { location } = await visitor.get(back.href);
    await until(visitor, location ?? '', 'Not the right account');
    expect((await visitor.get(link)).text).toContain('Connected until');
  });
});

describe('the overview', () => {
  it('shows, filters and pages, and leads to a page and a link of each connection', async () => {
    const visitor = new Visitor(connect.app);
    expect(await visitor.get('/overview')).toMatchObject({ status: 401 });
    expect(await visitor.signIn()).toMatchObject({ status: 303, location: '/overview' });
    const { id } = await connected('listed');
    const waiting = await connect.put('listed-waiting');
    const { text } = await visitor.get('/overview?q=listed');
    expect(text).toMatch(
      new RegExp(`${id}[^]*Connected[^]*Last refresh[^]*${waiting}[^]*Needs consent`),
    );
    const trouble = await visitor.get('/overview?q=listed&state=trouble');
    expect(trouble.text).toContain(waiting);
    expect(trouble.text).not.toContain(`>${id}<`);
    const detail = await visitor.get(`/overview/${id}`);
    expect(detail.text).toMatch(/epoch 2, generation 1[^]*Its run in the Temporal UI/);
    const csrf = csrfIn(detail.text);
    const made = await visitor.post(`/overview/${id}/link`, { csrf, from: 'Ada & Co', hours: '1' });
    const [, url = ''] = /<textarea[^>]*>([^<]+)</.exec(made.text) ?? [];
    expect((await new Visitor(connect.app).get(url)).text).toContain('Ada &amp; Co');
    await visitor.post('/overview/sign-out', { csrf });
    expect(await visitor.get('/overview')).toMatchObject({ status: 401 });
  });

  it('shows 25 at once, in the order of their ids', async () => {
    const visitor = new Visitor(connect.app);
    await visitor.signIn();
    const ids = await Promise.all(
      Array.from({ length: 27 }, (_, n) => connect.put(`many-${String(n).padStart(2, '0')}`)),
    );
    const idsIn = (html: string) =>
      [...html.matchAll(/<h2><a [^>]*>([^<]+)</g)].map(([, id]) => id);
    const first = await visitor.get('/overview?q=many-');
    expect(idsIn(first.text)).toEqual(ids.slice(0, 25));
    const [, next = ''] = /href="([^"]+)">Next page/.exec(first.text) ?? [];
    const second = await visitor.get(next.replaceAll('&amp;', '&'));
    expect(idsIn(second.text)).toEqual(ids.slice(25));
    expect(second.text).toContain('First page');
    expect(second.text).not.toContain('Next page');
  });

  it('leads to the newest run in the Temporal UI', async () => {
    const { id } = await connected('run');
    const visitor = new Visitor(connect.app);
    await visitor.signIn();
    expect((await visitor.get(`/overview/${id}/run`)).text).toContain('No run yet');
    await connect.system.source().getAccessToken(id, { rejectedGeneration: 1 });
    const { location } = await visitor.get(`/overview/${id}/run`);
    const page = `http://127.0.0.1:8233/namespaces/default/workflows/oauth-token%2F${id}/`;
    expect(location).toContain(page);
  });
});

it('is served under a path too, with cookies for https alone', async () => {
  const publicUrl = 'https://connect.example/accounts';
  const app = connect.another({ publicUrl });
  const visitor = new Visitor(app, publicUrl);
  const id = await connect.put('path');
  const { url } = await app.makeLink({ connectionId: id, lifetimeMs: 60_000, from: 'x' });
  expect(url).toContain(`${publicUrl}/c/`);
  const { headers, text, status } = await visitor.get(url);
  expect(status).toBe(200);
  expect(headers.getSetCookie()).toEqual([
    expect.stringMatching(
      /^__Host-connect-browser=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    ),
  ]);
  const [, style = ''] = /href="([^"]+\.css)"/.exec(text) ?? [];
  expect(style).toMatch(/^\/accounts\/style-/);
  expect((await visitor.get(style)).headers.get('content-type')).toContain('text/css');
  expect((await visitor.get('/')).status).toBe(404);
});
