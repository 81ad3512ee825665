import { describe, expect, it } from 'vitest';
import { pageHtml } from '../../src/cli/callback-page.js';
import { loopbackAddress } from '../../src/cli/loopback-address.js';
import { listenOnLoopback } from '../../src/cli/loopback-listener.js';

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
    const listener = await listenOnLoopback(loopbackAddress([], null), () =>
      Promise.resolve({ status: 200, title: 'Yes', text: 'Done.' }),
    );
    const { headers } = await fetch(`${listener.redirectUri}?code=c`);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    await listener.close();
    await expect(fetch(listener.redirectUri)).rejects.toThrow();
  });

  it('a port that is taken is said', async () => {
    const page = () => Promise.resolve({ status: 200, title: '', text: '' });
    const first = await listenOnLoopback(loopbackAddress([], null), page);
    const { port } = new URL(first.redirectUri);
    const second = listenOnLoopback(loopbackAddress([], Number(port)), page);
    await expect(second).rejects.toThrow(`Port ${port} of this machine`);
    await first.close();
  });
});
