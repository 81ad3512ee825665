// The benches are no part of the package: nothing that is published or tested may come to need them.
import { readFileSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const MAX_LINES = 300;

function filesOf(folder: string): { path: string; text: string }[] {
  const names = readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /\.(ts|js)$/.test(name))
    .map((name) => `${folder}${name}`)
    .map((path) => ({ path, text: readFileSync(new URL(path, ROOT), 'utf8') }));
}

it('are imported by nothing in src, dev and examples', () => {
  const others = ['src/', 'dev/', 'examples/'].flatMap(filesOf);
  const users = others.filter(({ text }) => /from '[^']*\/bench\//.test(text));
  expect(users.map(({ path }) => path)).toEqual([]);
});

it('use the package, its servers and nothing of the tests', () => {
  const users = filesOf('bench/').filter(({ text }) => /from '[^']*\/test\//.test(text));
  expect(users.map(({ path }) => path)).toEqual([]);
});

it(`have at most ${MAX_LINES} lines a file`, () => {
  const long = filesOf('bench/').filter(
    ({ text }) => text.trimEnd().split('\n').length > MAX_LINES,
  );
  expect(long.map(({ path }) => path)).toEqual([]);
});
