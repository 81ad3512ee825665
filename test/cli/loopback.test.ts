import { describe, expect, it } from 'vitest';
import { browserOf, cookieOf } from '../../src/cli/browser-cookie.js';
import { pageHtml, type CallbackPage } from '../../src/cli/callback-page.js';
import { loopbackAddress } from '../../src/cli/loopback-address.js';
import { listenOnLoopback, type LoopbackAnswers } from '../../src/cli/loopback-listener.js';
import { Secret } from '../../src/secret.js';

const PAGE: CallbackPage = { status: 200, title: 'Yes', text: 'Done.' };
const LINK = 'https://as.example/authorize?state=s';

function answering(changes: Partial<LoopbackAnswers> = {}): LoopbackAnswers {
  return {
    start: () => Promise.resolve({ link: new Secret(LINK), browser: new Secret('b') }),
    callback: () => Promise.resolve(PAGE),
    ...changes,
  };
}

describe('the redirect URI of the command', () => {
  it('is 127.0.0.1 with any port where none is declared (RFC 8252 §7.3)', () => {
    const address = loopbackAddress([], null);
    expect(address).toMatchObject({ host: '127.0.0.1', port: 0 });
    expect(address.redirectUri(4711)).toBe('http://127.0.0.1:4711/callback');
    expect(loopbackAddress([], 8080).port).toBe(8080);
  });

  it('is the first of the declared ones that leads to this machine, to the letter', () => {
    const declared = ['https://tokens.example/callback', 'http://localhost:4711/a?b=c'];
    const address = loopbackAddress(declared, null);
    expect(address).toMatchObject({ host: '127.0.0.1', port: 4711 });
    expect(address.redirectUri(4711)).toBe('http://localhost:4711/a?b=c');
    const six = loopbackAddress(['http://[::1]/back'], null);
    expect([six.host, six.redirectUri(1)]).toEqual(['::1', 'http://[::1]:1/back']);
  });

  it('says when none leads here, or not to this port', () => {
    expect(() => loopbackAddress(['https://tokens.example/callback'], null)).toThrow(
      /None of grant.redirectUris leads to this machine/,
    );
    expect(() => loopbackAddress(['http://127.0.0.1:1/a'], 2)).toThrow(/has the port 2/);
  });
});

describe('what the browser is shown', () => {
  it('is text, whatever it holds', () => {
    const html = pageHtml({ status: 200, title: '<b>&"', text: `<script>'` });
    expect(html).toContain('&lt;b&gt;&amp;&quot;');
    expect(html).not.toContain('<script>');
  });

  it('has no script, is not kept, and its address goes nowhere', async () => {
    const listener = await listenOnLoopback(loopbackAddress([], null), answering());
    const { headers } = await fetch(`${listener.redirectUri}?code=c`);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    await listener.close();
    await expect(fetch(listener.redirectUri)).rejects.toThrow();
  });

  it('a port that is taken is said', async () => {
    const first = await listenOnLoopback(loopbackAddress([], null), answering());
    const { port } = new URL(first.redirectUri);
    const second = listenOnLoopback(loopbackAddress([], Number(port)), answering());
    await expect(second).rejects.toThrow(`Port ${port} of this machine`);
    await first.close();
  });
});

describe('the start address', () => {
  it('sends one browser on, with a cookie of its own and without a trace of the link', async () => {
    const asked: string[] = [];
    const start = (redirectUri: string) => {
      asked.push(redirectUri);
      return Promise.resolve({ link: new Secret(LINK), browser: new Secret('b') });
    };
    const address = loopbackAddress([], null);
    const listener = await listenOnLoopback(address, answering({ start }));
    const { origin, port } = new URL(listener.redirectUri);
    expect(listener.startUrl).toMatch(new RegExp(`^${origin}/start/[\\w-]{43}$`));
    const [sent, used] = await Promise.all([
      fetch(listener.startUrl, { redirect: 'manual' }),
      fetch(listener.startUrl, { redirect: 'manual' }),
    ]);
    expect([sent.status, sent.headers.get('location')]).toEqual([303, LINK]);
    expect(sent.headers.getSetCookie()).toEqual([
      `oauth-tokens-${port}=b; Path=/callback; HttpOnly; SameSite=Lax`,
    ]);
    expect(sent.headers.get('referrer-policy')).toBe('no-referrer');
    expect(sent.headers.get('cache-control')).toBe('no-store');
    expect(await sent.text()).not.toContain('state');
    expect([used.status, used.headers.get('location'), used.headers.getSetCookie()]).toEqual([
      ...[410, null, []],
    ]);
    expect(await used.text()).toContain('It works once');
    expect(asked).toEqual([listener.redirectUri]);
    await listener.close();
  });

  it('cannot be guessed, and is neither posted to nor asked for by another name', async () => {
    const listener = await listenOnLoopback(loopbackAddress([], null), answering());
    const { startUrl } = listener;
    const others = [`${startUrl}x`, new URL('/start/', startUrl).href];
    for (const url of [...others, startUrl.replace('127.0.0.1', 'localhost')]) {
      expect((await fetch(url, { redirect: 'manual' })).status).toBe(404);
    }
    expect((await fetch(startUrl, { method: 'POST', redirect: 'manual' })).status).toBe(404);
    expect((await fetch(startUrl, { redirect: 'manual' })).status).toBe(303);
    await listener.close();
  });

  it('shows why nobody can be asked, and ends only when that is shown', async () => {
    let begin: (page: CallbackPage) => void = () => undefined;
    let come: () => void = () => undefined;
    const came = new Promise<void>((resolve) => (come = resolve));
    const start = () => {
      come();
      return new Promise<CallbackPage>((resolve) => (begin = resolve));
    };
    const listener = await listenOnLoopback(loopbackAddress([], null), answering({ start }));
    const shown = fetch(listener.startUrl);
    await came;
    const closed = listener.close();
    begin({ status: 503, title: 'No', text: 'The server is away.' });
    const page = await shown;
    expect([page.status, page.headers.getSetCookie()]).toEqual([503, []]);
    expect(await page.text()).toContain('The server is away.');
    await closed;
  });
});

describe('the cookie of a browser', () => {
  const here = new URL('http://localhost:4711/a');

  it('comes back with what it said, among others', async () => {
    const seen: (string | null)[] = [];
    const callback = (_: URLSearchParams, browser: Secret | null) => {
      seen.push(browser?.reveal() ?? null);
      return Promise.resolve(PAGE);
    };
    const listener = await listenOnLoopback(loopbackAddress([], null), answering({ callback }));
    const { port } = new URL(listener.redirectUri);
    for (const cookie of [`a=1; oauth-tokens-${port}=b; c=2`, `xoauth-tokens-${port}=b`, '']) {
      await fetch(listener.redirectUri, { headers: { cookie } });
    }
    expect(seen).toEqual(['b', null, null]);
    await listener.close();
  });

  it('is none of a command on another port, or without one', () => {
    expect(browserOf('oauth-tokens-4712=b', here)).toBeNull();
    expect(browserOf(undefined, here)).toBeNull();
    expect(browserOf('oauth-tokens-80=b', new URL('http://localhost:80/a'))?.reveal()).toBe('b');
  });

  it('reaches a path that it cannot name', () => {
    const odd = cookieOf(new Secret('b'), new URL('http://localhost:4711/a;b'));
    expect(odd).toBe('oauth-tokens-4711=b; Path=/; HttpOnly; SameSite=Lax');
  });
});
