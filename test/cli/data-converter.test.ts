import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { ConfigError } from '../../src/config.js';
import { loadDataConverter } from '../../src/data-converter.js';

async function moduleOf(name: string, text: string): Promise<string> {
  const path = join(inject('scratch'), name);
  await writeFile(path, text);
  return path;
}

describe('OAUTH_TOKENS_DATA_CONVERTER', () => {
  it.each([
    ['named.mjs', 'export const dataConverter = { payloadCodecs: [] };'],
    ['default.mjs', 'export default { payloadCodecs: [] };'],
    ['named.cjs', 'exports.dataConverter = { payloadCodecs: [] };'],
    ['default.cjs', 'module.exports = { payloadCodecs: [] };'],
  ])('loads %s', async (name, text) => {
    const path = await moduleOf(name, text);
    expect(await loadDataConverter(path)).toEqual({ payloadCodecs: [] });
  });

  it('is none when it is not set', async () => {
    expect(await loadDataConverter(null)).toBeUndefined();
  });

  it.each([
    ['empty.mjs', 'export const other = 1;', /exports `dataConverter`/],
    ['throws.mjs', 'throw new RangeError("hunter2");', /does not load \(RangeError\)/],
  ])('is refused when it is %s', async (name, text, message) => {
    const loading = loadDataConverter(await moduleOf(name, text));
    await expect(loading).rejects.toThrow(ConfigError);
    await expect(loading).rejects.toThrow(message);
  });

  it('is refused when it is not there', async () => {
    await expect(loadDataConverter('./no/such/module.js')).rejects.toThrow('not there');
    await expect(loadDataConverter('no-such-package')).rejects.toThrow('not there');
  });
});
