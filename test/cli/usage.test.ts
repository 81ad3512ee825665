import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { parseDuration, parseTimeout } from '../../src/cli/durations.js';
import { VERBS } from '../../src/cli/verbs.js';
import { workflowUrl } from '../../src/contract/workflow-url.js';
import { run } from './run.js';

const ENV = { MONGODB_URI: 'mongodb://127.0.0.1:9/', OAUTH_TOKENS_KEYS_FILE: '/none' };

describe('oauth-tokens', () => {
  it.each(VERBS.map(({ path, summary }) => [path.join(' '), summary]))(
    '%s has --help and --json',
    async (verb, summary) => {
      const { exitStatus, stdout } = await run([...verb.split(' '), '--help'], {});
      expect(exitStatus).toBe(0);
      expect(stdout).toContain(summary);
      expect(stdout).toContain('--json');
    },
  );

  it('lists every verb and knows its version', async () => {
    expect((await run(['--help'], {})).stdout).toMatch(/worker[^]*connection[^]*doctor/);
    expect((await run(['connection', '--help'], {})).stdout).toMatch(/put[^]*list[^]*show/);
    expect(await run(['--version'], {})).toMatchObject({
      exitStatus: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
    });
  });

  it.each<[string, string[], RegExp]>([
    ['an unknown verb', ['renew'], /unknown command/],
    ['a missing argument', ['status', '--json'], /missing required argument/],
    ['an unknown option', ['status', 'a', '--verbose', '--json'], /unknown option/],
    ['a bad connection id', ['status', 'a b', '--json'], /must be a letter or digit/],
    ['a bad length of time', ['token', 'a', '--min-valid', '60', '--json'], /90s, 5m/],
    ['a bad timeout', ['refresh', 'a', '--timeout', '0s', '--json'], /1ms to 24h/],
    ['a bad header', ['call', 'a', 'GET', 'https://a', '-H', 'nope', '--json'], /NAME:VALUE/],
    ['a bad limit', ['connection', 'list', '--limit', '0', '--json'], /from 1 to 1000/],
  ])('exits with 2 for %s', async (_, argv, message) => {
    const { exitStatus, stdout, stderr } = await run(argv, ENV);
    expect(exitStatus).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    if (argv.includes('--json')) {
      expect(JSON.parse(stderr)).toMatchObject({ type: 'Command.invalid', retryAt: null });
    }
  });

  it('exits with 2 for a wrong environment, with every complaint and no value', async () => {
    const env = { OAUTH_TOKENS_NETWORK: 'hunter2', MONGODB_URI: 'mongodb://a.example.com/?w=1' };
    const { exitStatus, error, stderr } = await run(['keys', 'list', '--json'], env);
    expect(exitStatus).toBe(2);
    expect(error().type).toBe('Environment.invalid');
    expect(error().message.split('\n').length).toBeGreaterThan(1);
    expect(error().message).toMatch(/OAUTH_TOKENS_NETWORK[^]*OAUTH_TOKENS_KEYS_FILE/);
    expect(stderr).not.toContain('hunter2');
  });

  it('tells people what is wrong in lines', async () => {
    const { stderr } = await run(['status', 'a'], {});
    expect(stderr).toBe(
      'error: Environment.invalid: MONGODB_URI is not set: give the URI of a MongoDB replica set\n',
    );
  });
});

describe('keys', () => {
  let file: string;
  beforeAll(async () => {
    file = join(inject('scratch'), `cli-keys-${process.pid}.json`);
    await rm(file, { force: true });
  });

  it('generate makes a file with mode 0600, and adds later keys that wait', async () => {
    const first = await run(['keys', 'generate', file, '--json'], {});
    expect(first.exitStatus).toBe(0);
    expect(first.json<{ kids: string[] }>().kids).toHaveLength(2);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const second = await run(['keys', 'generate', file, '--json'], {});
    const wait = Date.parse(second.json<{ activeFrom: string }>().activeFrom) - Date.now();
    expect(wait).toBeGreaterThan(9 * 60_000);
    const { keys } = JSON.parse(await readFile(file, 'utf8')) as { keys: unknown[] };
    expect(keys).toHaveLength(4);
  });

  it('export writes access keys only, and never over a file', async () => {
    const target = `${file}.access`;
    await rm(target, { force: true });
    const argv = ['keys', 'export', '--access', target, '--json'];
    const env = { OAUTH_TOKENS_KEYS_FILE: file };
    expect((await run(argv, env)).exitStatus).toBe(0);
    expect(await readFile(target, 'utf8')).not.toContain('"grant"');
    const again = await run(argv, env);
    expect(again.exitStatus).toBe(1);
    expect(again.error().type).toBe('Store.key_unavailable');
  });

  it('generate never touches a file that is no key file', async () => {
    const other = `${file}.other`;
    await writeFile(other, 'precious');
    const { exitStatus } = await run(['keys', 'generate', other], {});
    expect(exitStatus).toBe(1);
    expect(await readFile(other, 'utf8')).toBe('precious');
  });
});

describe('a length of time', () => {
  it.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['0s', 0],
  ])('%s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '5', 's', '-5s', '5 s', '5sec', '1e3s'])('is not "%s"', (text) => {
    expect(() => parseDuration(text)).toThrow('500ms, 90s');
  });

  it('is more than nothing and at most a day as a timeout', () => {
    expect(parseTimeout('24h')).toBe(86_400_000);
    expect(() => parseTimeout('25h')).toThrow();
  });
});

describe("a run's page in the UI", () => {
  const run1 = { namespace: 'default', workflowId: 'oauth-token/a', runId: 'r1' };
  it.each([
    [
      '127.0.0.1:7233',
      'http://localhost:8233/namespaces/default/workflows/oauth-token%2Fa/r1/history',
    ],
    [
      'ns.acct.tmprl.cloud:7233',
      'https://cloud.temporal.io/namespaces/default/workflows/oauth-token%2Fa/r1/history',
    ],
    ['temporal.internal:7233', null],
  ])('of %s', (address, url) => {
    expect(workflowUrl(address, run1)).toBe(url);
    const said = workflowUrl(address, run1, 'https://ui.example/');
    expect(said).toMatch(/^https:\/\/ui\.example\/namespaces\//);
  });
});
