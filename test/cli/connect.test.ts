/** `connect` and `connection link`: the page as people start it, over a real socket. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consentFile, startConsentSystem } from '../integration/consent-system.js';
import type { TokenSystem } from '../support/token-system.js';
import { run } from './run.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TOKEN = 'marked-operators-token-b41f';
let system: TokenSystem;
let server: ChildProcess;
let stderr: Promise<string>;
let url: string;
let env: NodeJS.ProcessEnv;
let connectionId: string;

beforeAll(async () => {
  system = await startConsentSystem();
  ({ connectionId } = await system.put(consentFile(system, 'served')));
  const serving = { ...system.environment(), OAUTH_TOKENS_CONNECT_TOKEN: TOKEN };
  const argv = ['--import', 'tsx', 'src/cli/main.ts', 'connect', '--port', '0'];
  server = spawn(process.execPath, argv, {
    cwd: ROOT,
    env: serving,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { stdout, stderr: errors } = server;
  if (stdout === null || errors === null) throw new Error('the server has no output');
  stderr = text(errors);
  const lines: string[] = [];
  for await (const line of createInterface({ input: stdout })) {
    lines.push(line);
    if (lines.length === 2) break;
  }
  [, url = ''] = /connect page ready: (\S+)/.exec(lines[0] ?? '') ?? [];
  expect(lines[1]).toBe(`The overview is at ${url}/overview`);
  env = { ...system.environment(), OAUTH_TOKENS_CONNECT_URL: url };
});
afterAll(async () => {
  server.kill('SIGKILL');
  await system.close();
});

/** Sends bytes as they are, and reads the answer. */
async function raw(lines: string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connectSocket(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  return text(socket);
}

describe('the served page', () => {
  it('opens a link that `connection link` makes, for as long as it says', async () => {
    const made = await run(
      ['connection', 'link', connectionId, '--from', 'Ada', '--expires', '1h', '--json'],
      env,
    );
    const link = made.json<{ url: string; expiresAt: string; connectionId: string }>();
    expect(link).toMatchObject({
      connectionId,
      url: expect.stringContaining(`${url}/c/`) as string,
    });
    expect(Date.parse(link.expiresAt) - Date.now()).toBeGreaterThan(3_500_000);
    const page = await fetch(link.url);
    expect(page.status).toBe(200);
    expect(await page.text()).toMatch(/Ada[^]*things:read/);
    const plain = await run(['connection', 'link', connectionId], env);
    expect(plain.stdout.split('\n')[0]).toMatch(/^http:\S+\/c\/\S+$/);
    expect(plain.stderr).toContain('to nobody else');
    const missing = await run(['connection', 'link', 'nobody', '--json'], env);
    expect([missing.exitStatus, missing.error().type]).toEqual([1, 'Connection.not_found']);
  });

  it.each<[string, (host: string) => string[], RegExp]>([
    [
      'a line feed in the address',
      (h) => ['GET /c/x', 'set-cookie: evil=1 HTTP/1.1', `Host: ${h}`],
      /^HTTP\/1.1 (400|404)/,
    ],
    ['no Host', () => ['GET / HTTP/1.1'], /^HTTP\/1.1 400/],
    ['two Hosts', (h) => ['GET / HTTP/1.1', `Host: ${h}`, 'Host: evil.example'], /^HTTP\/1.1 421/],
    [
      'the address of another server',
      (h) => ['GET http://evil.example/overview HTTP/1.1', `Host: ${h}`],
      /^HTTP\/1.1 421/,
    ],
    [
      'a header without end',
      (h) => ['GET / HTTP/1.1', `Host: ${h}`, `X-Long: ${'x'.repeat(20_000)}`],
      /^HTTP\/1.1 431/,
    ],
    [
      'two lengths',
      (h) => [
        'POST /overview/sign-in HTTP/1.1',
        `Host: ${h}`,
        'Content-Length: 1',
        'Transfer-Encoding: chunked',
      ],
      /^HTTP\/1.1 400/,
    ],
    [
      'TRACE',
      (h) => ['TRACE / HTTP/1.1', `Host: ${h}`, 'Cookie: connect-browser=marked'],
      /^HTTP\/1.1 (400|405|500)(?![^]*marked)/,
    ],
    [
      'CONNECT',
      (h) => ['CONNECT evil.example:443 HTTP/1.1', `Host: ${h}`],
      /^(HTTP\/1.1 (400|405)|$)/,
    ],
  ])('does nothing for a request with %s', async (_, lines, answer) => {
    const seen = await raw([...lines(new URL(url).host), 'Connection: close']);
    expect(seen).toMatch(answer);
    expect(seen).not.toMatch(/set-cookie: evil/i);
  });

  it('ends with SIGTERM, and has logged no link, no token and no code', async () => {
    await fetch(`${url}/callback?code=marked-code&state=marked-state`);
    server.kill('SIGTERM');
    const [status] = (await once(server, 'exit')) as [number | null];
    expect(status).toBe(0);
    expect(await stderr).not.toMatch(/marked|\/c\/|error/i);
  });
});

it('is not served under an address that nobody knows, nor without TLS to others', async () => {
  const open = await run(['connect', '--host', '0.0.0.0', '--json'], system.environment());
  expect([open.exitStatus, open.error().type]).toEqual([2, 'Command.invalid']);
  expect(open.error().message).toContain('OAUTH_TOKENS_CONNECT_URL');
  const plain = await run(['connect', '--json'], {
    ...system.environment(),
    OAUTH_TOKENS_CONNECT_URL: 'http://connect.example',
  });
  expect([plain.exitStatus, plain.error().type]).toEqual([2, 'Environment.invalid']);
});
