import { chmod, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { activeKey } from '../../src/store/key-file.js';
import {
  createFileKeyProvider,
  exportAccessKeys,
  generateKeys,
  readKeyFile,
} from '../../src/store/index.js';
import { testKey, type TestKey } from './keys.js';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oat-keys-'));
  path = join(folder, 'keys.json');
});

afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true });
});

const write = (keys: unknown, to = path) =>
  writeFile(to, JSON.stringify({ keys }), { mode: 0o600 });

const FUTURE = '2999-01-01T00:00:00.000Z';

describe('generating keys', () => {
  it('makes a file that only its owner can read, with a key of each purpose, active at once', async () => {
    const { kids, activeFrom } = await generateKeys(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const { keys } = await readKeyFile(path);
    expect(keys.map(({ purpose }) => purpose)).toEqual(['access', 'grant']);
    expect(keys.map(({ kid }) => kid)).toEqual(kids);
    expect(Date.parse(activeFrom)).toBeLessThanOrEqual(Date.now());
    const provider = createFileKeyProvider(path);
    expect((await provider.active('access')).kid).toBe(kids[0]);
    expect((await provider.active('grant')).kid).toBe(kids[1]);
  });

  it('makes 256-bit keys that cannot be taken out of the process', async () => {
    await generateKeys(path);
    const { key } = await createFileKeyProvider(path).active('access');
    expect(key).toMatchObject({ extractable: false, algorithm: { name: 'AES-KW', length: 256 } });
    await expect(crypto.subtle.exportKey('raw', key)).rejects.toThrow();
  });

  it('a second time adds keys that become active 10 minutes later, and keeps the first', async () => {
    const first = await generateKeys(path);
    const before = (await readKeyFile(path)).keys;
    const second = await generateKeys(path);
    const { keys } = await readKeyFile(path);
    expect(keys.slice(0, 2)).toEqual(before);
    expect(keys.slice(2).map(({ kid }) => kid)).toEqual(second.kids);
    const inMinutes = (Date.parse(second.activeFrom) - Date.now()) / 60_000;
    expect(inMinutes).toBeGreaterThan(9.9);
    expect(inMinutes).toBeLessThanOrEqual(10);
    const file = { keys };
    expect(activeKey(file, 'access', Date.now())?.kid).toBe(first.kids[0]);
    expect(activeKey(file, 'access', Date.now() + 10 * 60_000)?.kid).toBe(second.kids[0]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('never touches a file that is not a key file', async () => {
    await writeFile(path, 'precious');
    await expect(generateKeys(path)).rejects.toMatchObject({ code: 'key_unavailable' });
    expect(await readFile(path, 'utf8')).toBe('precious');
  });

  it('leaves nothing else behind, and loses no key when two do it at once', async () => {
    const results = await Promise.allSettled([generateKeys(path), generateKeys(path)]);
    const made = results.filter(({ status }) => status === 'fulfilled').length;
    expect(made).toBeGreaterThanOrEqual(1);
    expect((await readKeyFile(path)).keys).toHaveLength(made * 2);
    expect(await readdir(folder)).toEqual(['keys.json']);
  });

  it('says so when another command changes the file, or its folder is not there', async () => {
    await expect(generateKeys(join(folder, 'no', 'keys.json'))).rejects.toThrow('cannot be made');
    await writeFile(`${path}.lock`, '');
    await expect(generateKeys(path)).rejects.toThrow('another command changes the key file');
  });
});

describe('the key file for applications', () => {
  it('holds access keys only', async () => {
    const target = join(folder, 'access.json');
    const { kids } = await generateKeys(path);
    expect(await exportAccessKeys(path, target)).toEqual({ kids: [kids[0]] });
    expect((await stat(target)).mode & 0o777).toBe(0o600);
    const provider = createFileKeyProvider(target);
    expect(await provider.list()).toMatchObject([
      { kid: kids[0], purpose: 'access', active: true, state: 'active' },
    ]);
    expect(await provider.get(kids[1] ?? '')).toBeUndefined();
    await expect(provider.active('grant')).rejects.toMatchObject({ code: 'key_unavailable' });
    expect(await readFile(target, 'utf8')).not.toContain('grant');
  });

  it('never replaces a file', async () => {
    const target = join(folder, 'access.json');
    await generateKeys(path);
    await writeFile(target, 'precious');
    await expect(exportAccessKeys(path, target)).rejects.toThrow('exists already');
    expect(await readFile(target, 'utf8')).toBe('precious');
    expect((await readdir(folder)).sort()).toEqual(['access.json', 'keys.json']);
  });
});

describe('the active key', () => {
  const keys = [
    testKey('a1', 'access', '2026-01-01T00:00:00.000Z'),
    testKey('a3', 'access', FUTURE),
    testKey('a2', 'access', '2026-01-02T00:00:00.000Z'),
    testKey('g1', 'grant', '2026-01-03T00:00:00.000Z'),
  ];

  it.each([
    ['2025-12-31T23:59:59.999Z', 'a1'],
    ['2026-01-01T00:00:00.000Z', 'a1'],
    ['2026-01-02T00:00:00.000Z', 'a2'],
    ['2026-02-01T00:00:00.000Z', 'a2'],
    ['3000-01-01T00:00:00.000Z', 'a3'],
  ])('at %s is %s: the newest of its purpose whose time has come, or the oldest', (at, kid) => {
    expect(activeKey({ keys }, 'access', Date.parse(at))?.kid).toBe(kid);
  });

  it('is the oldest before its time, for a process whose wall clock is behind', async () => {
    await write([testKey('a1', 'access', FUTURE)]);
    const provider = createFileKeyProvider(path);
    expect((await provider.active('access')).kid).toBe('a1');
    await expect(provider.active('grant')).rejects.toThrow('no active grant key');
  });

  it('goes from created to active to open-only', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-01-01T12:00:00.000Z') });
    await write(keys);
    const provider = createFileKeyProvider(path);
    const states = async () =>
      Object.fromEntries((await provider.list()).map(({ kid, state }) => [kid, state]));
    expect(await states()).toEqual({ a1: 'active', a2: 'created', a3: 'created', g1: 'active' });
    vi.setSystemTime(Date.parse('2026-01-04T00:00:00.000Z'));
    expect(await states()).toEqual({ a1: 'open-only', a2: 'active', a3: 'created', g1: 'active' });
  });

  it('already opens what others sealed before its time', async () => {
    await write([testKey('a1', 'access'), testKey('a2', 'access', FUTURE)]);
    const provider = createFileKeyProvider(path);
    expect((await provider.active('access')).kid).toBe('a1');
    expect(await provider.get('a2')).toBeDefined();
  });
});

describe('a key file that is wrong', () => {
  const good = testKey('a1');
  const BROKEN: [string, unknown, string][] = [
    ['without keys', {}, 'keys'],
    ['with a key of the wrong length', { keys: [{ ...good, k: good.k.slice(4) }] }, 'keys.0.k'],
    ['with a key of another type', { keys: [{ ...good, kty: 'RSA' }] }, 'keys.0.kty'],
    ['without a purpose', { keys: [good, { ...good, purpose: undefined }] }, 'keys.1.purpose'],
    ['without activeFrom', { keys: [{ ...good, activeFrom: 'soon' }] }, 'keys.0.activeFrom'],
    ['with two keys of one id', { keys: [good, testKey('a1')] }, 'keys'],
  ];

  it.each(BROKEN)('(%s) is refused by member, without key material', async (_what, file, where) => {
    await writeFile(path, JSON.stringify(file));
    const error: unknown = await readKeyFile(path).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'StoreError', code: 'key_unavailable' });
    expect((error as Error).message).toMatch(new RegExp(`: see ${where}\\.$`));
    expect(inspect(error, { depth: 9 })).not.toContain(good.k.slice(4));
  });

  it('(not JSON) is refused without quoting it', async () => {
    await writeFile(path, `{"keys":[{"k":"${good.k}"`);
    const error: unknown = await readKeyFile(path).catch((reason: unknown) => reason);
    expect((error as Error).message).toBe(`The key file ${path} is not JSON.`);
    expect(inspect(error, { depth: 9 })).not.toContain(good.k.slice(0, 10));
  });

  it('(not there) says so, retryably', async () => {
    const provider = createFileKeyProvider(path);
    const expected = { code: 'key_unavailable', message: `The key file ${path} cannot be read.` };
    await expect(provider.active('access')).rejects.toMatchObject(expected);
    await expect(provider.get('a1')).rejects.toMatchObject(expected);
    await generateKeys(path);
    await expect(provider.active('access')).resolves.toBeDefined();
  });
});

describe('a key file that others can read', () => {
  it('is used, with one warning that says what to do', async () => {
    await write([testKey('a1')]);
    await chmod(path, 0o644);
    const warnings: string[] = [];
    const provider = createFileKeyProvider(path, (message) => warnings.push(message));
    await provider.active('access');
    await provider.list();
    expect(warnings).toEqual([`The key file ${path} can be read by others: chmod 600 it.`]);
  });

  it('is not complained about when they cannot', async () => {
    await write([testKey('a1')]);
    const warn = vi.fn();
    await createFileKeyProvider(path, warn).active('access');
    expect(warn).not.toHaveBeenCalled();
  });
});

describe('a key file that changes', () => {
  let changes = 0;

  /** Writes the file with another time of change, and lets the provider's two seconds pass. */
  async function change(keys: TestKey[] | string): Promise<void> {
    await (typeof keys === 'string' ? writeFile(path, keys) : write(keys));
    changes += 1;
    await utimes(path, changes, changes);
    vi.advanceTimersByTime(2_001);
  }

  it('is taken up without a restart', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    const [first, second] = [testKey('a1'), testKey('a2', 'access', '2021-01-01T00:00:00.000Z')];
    await write([first]);
    const provider = createFileKeyProvider(path);
    expect((await provider.active('access')).kid).toBe('a1');
    await change([first, second]);
    expect((await provider.active('access')).kid).toBe('a2');
    expect(await provider.get('a1')).toBeDefined();
    await change([second]);
    expect(await provider.get('a1')).toBeUndefined();
  });

  it('is looked at at once when somebody seals with a key that is not known yet', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    await write([testKey('a1')]);
    const provider = createFileKeyProvider(path);
    await provider.get('a1');
    await write([testKey('a1'), testKey('a2', 'access', FUTURE)]);
    expect(await provider.get('a2')).toBeDefined();
  });

  it('for the worse leaves the keys in use, with a warning', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    await write([testKey('a1')]);
    const warnings: string[] = [];
    const provider = createFileKeyProvider(path, (message) => warnings.push(message));
    await provider.active('access');
    await change('{"keys":');
    expect((await provider.active('access')).kid).toBe('a1');
    expect(warnings).toEqual([
      `The key file ${path} is not JSON. The keys read before stay in use.`,
    ]);
    await change([testKey('a2')]);
    expect((await provider.active('access')).kid).toBe('a2');
  });

  it('by vanishing leaves the keys in use', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    await write([testKey('a1')]);
    const provider = createFileKeyProvider(path);
    await provider.active('access');
    await rm(path);
    vi.advanceTimersByTime(2_001);
    expect((await provider.active('access')).kid).toBe('a1');
  });

  it('is read once however many ask at once', async () => {
    await write([testKey('a1')]);
    const provider = createFileKeyProvider(path);
    const found = await Promise.all(Array.from({ length: 50 }, () => provider.get('a1')));
    expect(new Set(found).size).toBe(1);
  });
});
