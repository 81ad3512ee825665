import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findSecrets, withoutNewline, type FoundSecret } from '../../src/connections/secrets.js';
import { Secret } from '../../src/secret.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'secrets-'));
  await writeFile(join(directory, 'secret.txt'), 'from-file\n');
});
afterAll(() => rm(directory, { recursive: true }));

const reveal = (found: FoundSecret): unknown =>
  found.found === 'given' ? found.secret.reveal() : found;

describe('a secret', () => {
  it('is read from a variable, or from a file beside the connection file', async () => {
    const environment = { SECRET: 'from-variable' };
    const found = await findSecrets(
      { clientSecret: { env: 'SECRET' }, refreshToken: { file: 'secret.txt' } },
      { environment, directory },
    );
    expect(reveal(found.clientSecret)).toBe('from-variable');
    expect(reveal(found.refreshToken)).toBe('from-file');
    expect(found.problems).toEqual([]);
  });

  it('counts from standard input before what the file says', async () => {
    const given = { clientSecret: new Secret('from-stdin') };
    const found = await findSecrets(
      { clientSecret: { env: 'UNSET' } },
      { environment: {}, directory, given },
    );
    expect(reveal(found.clientSecret)).toBe('from-stdin');
    expect(found.refreshToken).toEqual({ found: 'absent' });
  });

  it('may be unset now, which names the variable or file', async () => {
    const found = await findSecrets(
      { clientSecret: { env: 'UNSET' }, refreshToken: { file: 'none.txt' } },
      { environment: {}, directory },
    );
    expect(found.clientSecret).toEqual({
      found: 'unset',
      problem: 'the environment variable UNSET is not set',
    });
    expect(found.refreshToken).toEqual({
      found: 'unset',
      problem: 'the file none.txt cannot be read',
    });
  });

  it.each([
    ['', 'is empty'],
    ['two\nlines', 'control character'],
    ['x'.repeat(70_000), 'at most'],
  ])('is refused when it cannot be one', async (value, words) => {
    const found = await findSecrets(
      { clientSecret: { env: 'SECRET' } },
      { environment: { SECRET: value }, directory },
    );
    expect(found.problems).toEqual([
      { field: 'client.clientSecret', problem: expect.stringContaining(words) as string },
    ]);
  });

  it('loses one trailing newline and no more', () => {
    expect(['a\n', 'a\r\n', 'a\n\n', 'a '].map(withoutNewline)).toEqual(['a', 'a', 'a\n', 'a ']);
  });
});
