/** `connection authorize`: a person at a terminal, and a browser or a device. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { runCli } from '../../src/cli/run-cli.js';
import { Browser, type Page } from '../support/browser.js';
import { consentAt, consentOnDevice, type Consent } from '../support/consent.js';
import type { TokenSystem } from '../support/token-system.js';
import { consentFile, startConsentSystem } from '../integration/consent-system.js';
import { NOWHERE, run } from './run.js';

let system: TokenSystem;
beforeAll(async () => {
  system = await startConsentSystem();
});
afterAll(() => system.close());

async function put(name: string, grant: Record<string, unknown> = {}): Promise<string> {
  return (await system.put(consentFile(system, name, { grant }))).connectionId;
}

/** A command that is still running. */
interface Running {
  stdout: () => string;
  stderr: () => string;
  exitStatus: Promise<number>;
}

function start(argv: string[], env: NodeJS.ProcessEnv = system.environment()): Running {
  const written = { stdout: '', stderr: '' };
  const exitStatus = runCli({
    ...{ argv: ['connection', 'authorize', ...argv], env },
    stdin: (async function* () {})(),
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
  });
  return { stdout: () => written.stdout, stderr: () => written.stderr, exitStatus };
}

/** The error that a command with `--json` ends its standard error with. */
function reportOf(running: Running): unknown {
  const [report = ''] = running.stderr().trim().split('\n').slice(-1);
  return JSON.parse(report);
}

/** The link that a command shows its person, once it does: an address of the command itself. */
async function linkOf(running: Running): Promise<string> {
  const link = () => /^http\S+$/m.exec(running.stderr())?.[0];
  await expect.poll(link, { timeout: 20_000 }).toBeDefined();
  return link() ?? '';
}

/** Where a command waits for the browser, once it says so. */
function redirectUriOf(running: Running): string {
  return /at (http:\S+),/.exec(running.stderr())?.[1] ?? '';
}

/** A browser comes back to the command, and shows what it says. */
async function comeBack(browser: Browser, url: URL | string): Promise<Page> {
  const page = await browser.open(String(url));
  if ('html' in page) return page;
  throw new Error('the browser was sent to a client');
}

/** The person opens the link, answers, and sees the page that the command serves. */
async function answer(running: Running, consent: Consent = {}): Promise<Page> {
  const { browser = new Browser() } = consent;
  const link = await linkOf(running);
  const url = await consentAt(link, redirectUriOf(running), { ...consent, browser });
  return comeBack(browser, url);
}

describe('without a worker', () => {
  it('says when its time is over: nobody answered, or the consent is kept', async () => {
    const nobody = start([await put('cli-late'), '--no-browser', '--json', '--timeout', '2s']);
    const kept = start([await put('cli-kept'), '--no-browser', '--json', '--timeout', '8s']);
    expect((await answer(kept)).status).toBe(200);
    expect(await nobody.exitStatus).toBe(1);
    expect(reportOf(nobody)).toMatchObject({ type: 'Authorization.expired', final: true });
    expect(await kept.exitStatus).toBe(1);
    expect(reportOf(kept)).toMatchObject({
      ...{ type: 'Token.refresh_in_progress', final: false },
      message: expect.stringMatching(/goes on without this command.*No worker polls/) as string,
    });
  });

  it('says what it waits for, and connects when one starts', async () => {
    const connectionId = await put('cli-later');
    const running = start([connectionId, '--no-browser']);
    const page = await answer(running);
    expect(page.status).toBe(200);
    expect(page.html).toContain('You have consented');
    await expect.poll(running.stderr, { timeout: 20_000 }).toContain('Waiting for a worker: none');
    await system.startWorker();
    expect(await running.exitStatus).toBe(0);
    expect(running.stdout()).toContain(`Connection ${connectionId} is authorized.`);
    expect(running.stdout()).toMatch(/epoch 2, generation 1/);
  });
});

describe('with a worker', () => {
  it('opens the browser; no argument and no output holds the link of the server', async () => {
    const connectionId = await put('cli-browser');
    const folder = join(inject('scratch'), `desktop-${system.id}`);
    await mkdir(folder);
    const opened = join(folder, 'opened');
    await writeFile(join(folder, 'xdg-open'), `#!/bin/sh\nprintf %s "$*" > '${opened}'\n`);
    await chmod(join(folder, 'xdg-open'), 0o755);
    const env = { ...system.environment(), PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    const running = start([connectionId, '--json'], env);
    await expect.poll(running.stderr, { timeout: 20_000 }).toContain('The browser asks');
    const link = await readFile(opened, 'utf8');
    expect(running.stderr()).not.toContain(link);
    const redirectUri = redirectUriOf(running);
    expect(redirectUri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/start\/[\w-]{43}$/);
    expect(new URL(link).host).toBe(new URL(redirectUri).host);
    const browser = new Browser();
    await comeBack(browser, await consentAt(link, redirectUri, { browser }));
    expect(await running.exitStatus).toBe(0);
    const output = running.stdout() + running.stderr();
    expect(output).not.toMatch(/state=|request_uri=|code=/);
    expect(output).not.toContain(system.authorizationServer.issuer);
    expect(JSON.parse(running.stdout())).toMatchObject({
      ...{ connectionId, epoch: 2, generation: 1, tokenType: 'Bearer' },
      authorizationId: expect.stringMatching(/^[\w-]{22}$/) as string,
    });
  });

  it('tells a refusal in the browser and in the terminal', async () => {
    const running = start([await put('cli-denied'), '--no-browser', '--json']);
    const page = await answer(running, { decision: 'deny' });
    expect(page.status).toBe(400);
    expect(page.html).toContain('refused the authorization');
    expect(await running.exitStatus).toBe(1);
    expect(reportOf(running)).toMatchObject({ type: 'Authorization.denied', final: true });
  });

  it('is not disturbed by answers that are none of its own', async () => {
    const running = start([await put('cli-foreign'), '--no-browser']);
    const browser = new Browser();
    const link = await linkOf(running);
    const redirectUri = redirectUriOf(running);
    const url = await consentAt(link, redirectUri, { browser });
    const foreign = await comeBack(browser, `${redirectUri}?code=c&state=foreign`);
    expect([foreign.status, foreign.html]).toEqual([
      400,
      expect.stringContaining('does not belong') as string,
    ]);
    expect((await fetch(new URL('/favicon.ico', redirectUri))).status).toBe(404);
    expect((await fetch(redirectUri, { method: 'POST' })).status).toBe(404);
    const byName = redirectUri.replace('127.0.0.1', 'localhost');
    expect((await fetch(`${byName}?code=c&state=s`)).status).toBe(404);
    await comeBack(browser, url);
    expect(await running.exitStatus).toBe(0);
  });

  it('takes the answer of the browser that opened the link, and of no other', async () => {
    const connectionId = await put('cli-other-browser');
    const running = start([connectionId, '--no-browser']);
    const link = await linkOf(running);
    const redirectUri = redirectUriOf(running);
    const browser = new Browser();
    const url = await consentAt(link, redirectUri, { browser });
    const authorization = () => system.database.authorizations.findOne({ connectionId });
    const before = await authorization();
    const withoutCookie = await comeBack(new Browser(), url);
    expect([withoutCookie.status, withoutCookie.html]).toEqual([
      400,
      expect.stringContaining('was opened in another browser') as string,
    ]);
    const cookie = `oauth-tokens-${new URL(redirectUri).port}=${'x'.repeat(43)}`;
    const withAnother = await fetch(url, { headers: { cookie } });
    expect(withAnother.status).toBe(400);
    expect(await withAnother.text()).toContain('was opened in another browser');
    expect(before?.phase).toBe('pending');
    expect(await authorization()).toEqual(before);
    expect((await comeBack(browser, url)).status).toBe(200);
    expect(await running.exitStatus).toBe(0);
  });

  it('begins when the browser comes, and shows its link to one browser only', async () => {
    const connectionId = await put('cli-once');
    const running = start([connectionId, '--no-browser']);
    const link = await linkOf(running);
    const begun = () => system.database.authorizations.countDocuments({ connectionId });
    expect(await begun()).toBe(0);
    const browser = new Browser();
    const url = await consentAt(link, redirectUriOf(running), { browser });
    const again = await comeBack(new Browser(), link);
    expect([again.status, again.html]).toEqual([
      410,
      expect.stringContaining('This link has been used') as string,
    ]);
    expect(await begun()).toBe(1);
    expect((await comeBack(browser, url)).status).toBe(200);
    expect(await running.exitStatus).toBe(0);
  });

  it('says in the browser and in the terminal when nobody can be asked', async () => {
    const connectionId = await put('cli-cannot');
    const running = start([connectionId, '--no-browser', '--json']);
    const link = await linkOf(running);
    await system.database.connections.deleteOne({ _id: connectionId });
    const page = await comeBack(new Browser(), link);
    expect([page.status, page.html]).toEqual([
      400,
      expect.stringContaining('No connection of this id') as string,
    ]);
    expect(await running.exitStatus).toBe(1);
    expect(reportOf(running)).toMatchObject({ type: 'Connection.not_found', final: true });
  });

  it('lets somebody else consent only when told so', async () => {
    const connectionId = await put('cli-subject');
    const first = start([connectionId, '--no-browser']);
    await answer(first, { account: 'alice' });
    expect(await first.exitStatus).toBe(0);
    const refused = start([connectionId, '--no-browser']);
    await answer(refused, { account: 'bob' });
    expect(await refused.exitStatus).toBe(1);
    expect(refused.stderr()).toContain('Authorization.subject_mismatch');
    expect(refused.stderr()).toContain('--accept-new-subject');
    const accepted = start([connectionId, '--no-browser', '--accept-new-subject']);
    await answer(accepted, { account: 'bob' });
    expect(await accepted.exitStatus).toBe(0);
  });

  it('shows a device code, waits for its person, and says when it is done', async () => {
    const connectionId = await put('cli-device', { grantType: 'device_code' });
    const running = start([connectionId, '--json']);
    const shown = () =>
      /Open (\S+) on any device and enter the code (\S+?),/.exec(running.stderr());
    await expect.poll(shown, { timeout: 20_000 }).not.toBeNull();
    const [, verificationUri = '', userCode = ''] = shown() ?? [];
    await consentOnDevice(verificationUri, userCode);
    expect(await running.exitStatus).toBe(0);
    expect(JSON.parse(running.stdout())).toMatchObject({ connectionId, epoch: 2, generation: 1 });
  });
});

it('asks nobody for a connection that needs no person, or is not there', async () => {
  const { connectionId } = await system.put(system.connectionFile('cli-credentials'));
  const none = await run(['connection', 'authorize', connectionId, '--json'], system.environment());
  expect(none.exitStatus).toBe(2);
  expect(none.error()).toMatchObject({ type: 'Connection.invalid' });
  const missing = await run(['connection', 'authorize', 'nobody', '--json'], system.environment());
  expect(missing.exitStatus).toBe(1);
  expect(missing.error()).toMatchObject({ type: 'Connection.not_found' });
});

it('asks nobody while Temporal does not answer, or the port is not registered', async () => {
  const connectionId = await put('cli-nowhere', { redirectUris: ['http://127.0.0.1:4711/back'] });
  const argv = ['connection', 'authorize', connectionId, '--no-browser', '--json'];
  const away = await run(argv, { ...system.environment(), TEMPORAL_ADDRESS: NOWHERE });
  expect(away.error()).toMatchObject({ type: 'Token.unavailable', final: false });
  const wrong = await run([...argv, '--port', '4712'], system.environment());
  expect([wrong.exitStatus, wrong.error().type]).toEqual([2, 'Command.invalid']);
});
