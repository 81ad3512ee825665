// The house of docs/architecture.md, checked over what the files really import: an arrow that is not
// drawn there is a secret on its way to where it must not be, or a workflow that no longer replays.
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { nodesOf, readSources, type SourceFile } from './source-files.js';

const FILES = readSources();
const BY_PATH = new Map(FILES.map((file) => [file.path, file]));
const MAX_LINES = 300;

/** What a room may import: other rooms, and packages (`node:` for Node's own). */
interface Room {
  rooms: string[];
  packages: string[];
  /** Rooms of which only types may be imported. */
  types?: string[];
}

const TEMPORAL_CLIENT = ['@temporalio/activity', '@temporalio/client', '@temporalio/common'];

const ROOMS: Record<string, Room> = {
  contract: { rooms: [], packages: [] },
  secret: { rooms: [], packages: [] },
  'known-secrets': { rooms: ['secret'], packages: [] },
  failures: { rooms: ['contract'], packages: ['@temporalio/common'] },
  network: { rooms: [], packages: ['ipaddr.js', 'node:', 'undici'] },
  oauth: {
    rooms: ['contract', 'known-secrets', 'network', 'secret'],
    packages: ['jose', 'node:', 'oauth4webapi', 'undici'],
  },
  store: {
    rooms: ['contract', 'network', 'secret'],
    packages: ['jose', 'mongodb', 'node:', 'zod'],
  },
  tokens: {
    rooms: ['contract', 'failures', 'known-secrets', 'network', 'secret', 'store'],
    packages: [...TEMPORAL_CLIENT, 'lru-cache', 'mongodb'],
  },
  authorizations: {
    rooms: ['contract', 'known-secrets', 'network', 'oauth', 'secret', 'store'],
    packages: ['@temporalio/client', '@temporalio/common', 'node:'],
  },
  activities: {
    rooms: [
      'authorizations',
      'contract',
      'events',
      'failures',
      'network',
      'oauth',
      'secret',
      'store',
      'tokens',
    ],
    packages: ['@temporalio/activity', '@temporalio/common', 'mongodb', 'node:'],
  },
  workflows: {
    rooms: ['contract', 'failures'],
    types: ['activities'],
    packages: ['@temporalio/common', '@temporalio/workflow'],
  },
  connections: {
    rooms: ['contract', 'network', 'oauth', 'secret', 'store'],
    packages: ['node:', 'zod'],
  },
  config: { rooms: ['contract', 'network'], packages: ['@temporalio/envconfig', 'zod'] },
  'data-converter': { rooms: ['config'], packages: ['@temporalio/common', 'node:'] },
  'leak-guard': {
    rooms: ['failures', 'known-secrets'],
    packages: ['@temporalio/client', '@temporalio/common', '@temporalio/worker'],
  },
  events: { rooms: ['contract', 'network', 'secret'], packages: ['node:'] },
  connect: {
    rooms: [...['authorizations', 'contract', 'failures', 'network', 'secret', 'store', 'tokens']],
    packages: [
      ...['@temporalio/client', '@temporalio/common', 'hono', 'lru-cache', 'mongodb', 'node:'],
    ],
  },
  testing: { rooms: ['known-secrets'], types: ['store'], packages: ['node:'] },
  logging: {
    rooms: ['failures', 'known-secrets', 'secret'],
    packages: ['@temporalio/common', '@temporalio/worker', 'pino'],
  },
  worker: {
    rooms: [
      ...['activities', 'contract', 'events', 'failures', 'known-secrets', 'leak-guard', 'network'],
      ...['secret', 'store', 'tokens'],
    ],
    packages: ['@temporalio/common', '@temporalio/worker', 'mongodb', 'node:'],
  },
  'worker-process': {
    rooms: ['config', 'data-converter', 'logging', 'worker'],
    packages: ['@temporalio/worker'],
  },
  'create-token-worker': { rooms: ['worker'], packages: [] },
  index: {
    rooms: [
      ...['activities', 'contract', 'create-token-worker', 'events', 'known-secrets', 'leak-guard'],
      ...['network', 'store', 'tokens'],
    ],
    types: ['worker'],
    packages: [],
  },
  cli: {
    rooms: [
      ...[
        'authorizations',
        'config',
        'connect',
        'connections',
        'contract',
        'data-converter',
        'failures',
        'network',
        'oauth',
      ],
      ...['secret', 'store', 'tokens', 'worker-process'],
    ],
    packages: [
      ...['@hono/node-server', '@temporalio/client', '@temporalio/common', 'commander', 'mongodb'],
      ...['node:', 'undici'],
    ],
  },
};

/** `src/store/keys.ts` is in `store`, `src/network.ts` and `src/network/urls.ts` in `network`. */
const roomOf = (path: string): string => /^src\/([^/.]+)/.exec(path)?.[1] ?? path;

function brokenArrows({ path, imports }: SourceFile): string[] {
  const from = roomOf(path);
  const { rooms, packages, types = [] } = ROOMS[from] ?? { rooms: [], packages: [] };
  return imports.flatMap(({ target, specifier, relative, typeOnly }) => {
    const to = relative ? roomOf(target) : target;
    const allowed = relative
      ? to === from || rooms.includes(to) || (typeOnly && types.includes(to))
      : packages.includes(to);
    return allowed ? [] : [`${path} imports ${specifier}`];
  });
}

/** Files that are loaded with a file, and the packages they load; types are erased. */
function loadedWith(paths: string[], countTypes = false): { files: string[]; packages: string[] } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const queue = [...paths];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (files.has(path)) continue;
    files.add(path);
    for (const { target, relative, typeOnly } of BY_PATH.get(path)?.imports ?? []) {
      if (typeOnly && !countTypes) continue;
      if (relative) queue.push(target);
      else packages.add(target);
    }
  }
  return { files: [...files].sort(), packages: [...packages].sort() };
}

const filesOf = (room: string): string[] =>
  FILES.map(({ path }) => path).filter((path) => roomOf(path) === room);

describe('the arrows', () => {
  it('are known for every room', () => {
    expect([...new Set(FILES.map(({ path }) => roomOf(path)))].sort()).toEqual(
      Object.keys(ROOMS).sort(),
    );
  });

  it.each(Object.keys(ROOMS))('of %s point where they may', (room) => {
    const files = FILES.filter(({ path }) => roomOf(path) === room);
    expect(files.flatMap(brokenArrows)).toEqual([]);
  });

  it('lead to files that are there, by a specifier that ends in .js', () => {
    const relative = FILES.flatMap(({ path, imports }) =>
      imports.filter((found) => found.relative).map((found) => ({ path, ...found })),
    );
    const wrong = relative.filter(
      ({ specifier, target }) => !specifier.endsWith('.js') || !BY_PATH.has(target),
    );
    expect(wrong.map(({ path, specifier }) => `${path}: ${specifier}`)).toEqual([]);
  });

  it('go into a room through its index where it has one', () => {
    const wrong = FILES.flatMap(({ path, imports }) =>
      imports
        .filter(({ relative, target }) => relative && roomOf(target) !== roomOf(path))
        .filter(({ target }) => BY_PATH.has(`src/${roomOf(target)}/index.ts`))
        // Types cost nothing, and a verb of the command line loads the one file it needs.
        .filter(({ typeOnly, lazy }) => !typeOnly && !lazy)
        .filter(({ target }) => !target.endsWith('/index.ts'))
        .map(({ specifier }) => `${path} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  it('never run in circles', () => {
    expect(circles()).toEqual([]);
  });
});

describe('docs/architecture.md', () => {
  it('draws the same arrows', () => {
    const page = readFileSync(new URL('../docs/architecture.md', import.meta.url), 'utf8');
    const list = (names: string[]) => names.map((name) => `\`${name}\``).join(' ') || '–';
    const expected = Object.entries(ROOMS).map(([room, { rooms, packages, types = [] }]) => {
      const all = [...rooms, ...types.map((name) => `${name} (types)`)];
      return `| \`${room}\` | ${list(all)} | ${list(packages)} |`;
    });
    const [, table = ''] = page.split('| room | rooms | packages |\n|---|---|---|\n');
    expect(table.split('\n\n', 1)[0]?.split('\n')).toEqual(expected);
  });
});

describe('the wall around the workflow sandbox', () => {
  const entries = ['src/workflows/workflows.ts', 'src/workflows/index.ts'];

  it('lets in contract, failures and the two packages that are safe there', () => {
    const { files, packages } = loadedWith(entries);
    expect([...new Set(files.map(roomOf))].sort()).toEqual(['contract', 'failures', 'workflows']);
    expect(packages).toEqual(['@temporalio/common', '@temporalio/workflow']);
  });
});

describe('the rooms that speak OAuth and MongoDB', () => {
  it.each(['oauth', 'store', 'network', 'connections'])(
    '(%s) know nothing of Temporal, not even its types',
    (room) => {
      const { packages } = loadedWith(filesOf(room), true);
      expect(packages.filter((name) => name.startsWith('@temporalio'))).toEqual([]);
    },
  );

  it('know nothing of each other', () => {
    const rooms = (room: string) => loadedWith(filesOf(room), true).files.map(roomOf);
    expect(rooms('oauth')).not.toContain('store');
    expect(rooms('store')).not.toContain('oauth');
  });
});

describe("an application's own process", () => {
  it('does not load the worker, the command line or the environment by importing the package', () => {
    const files = loadedWith(['src/index.ts'], true).files.map(roomOf);
    for (const room of ['cli', 'config', 'connect', 'connections', 'logging', 'worker-process']) {
      expect(files).not.toContain(room);
    }
    const direct = BY_PATH.get('src/index.ts')?.imports.filter(({ typeOnly }) => !typeOnly) ?? [];
    expect(direct.map(({ target }) => roomOf(target))).not.toContain('worker');
  });
});

describe('the connect page', () => {
  it('brings its web framework to nobody who does not serve it', () => {
    for (const entry of ['src/index.ts', 'src/worker.ts', 'src/workflows/index.ts']) {
      expect(loadedWith([entry], true).packages.filter((name) => name.includes('hono'))).toEqual(
        [],
      );
    }
    const users = FILES.filter(({ path }) => roomOf(path) === 'cli').flatMap(({ path, imports }) =>
      imports
        .filter(
          ({ target, relative, typeOnly, lazy }) =>
            (relative ? roomOf(target) === 'connect' : target.includes('hono')) &&
            !typeOnly &&
            !lazy,
        )
        .map(() => path),
    );
    expect(users).toEqual([]);
  });
});

describe('what is for tests', () => {
  it('is loaded by nothing else, and loads neither Temporal nor MongoDB', () => {
    const users = FILES.filter(({ path }) => roomOf(path) !== 'testing').filter(({ imports }) =>
      imports.some(({ target }) => roomOf(target) === 'testing'),
    );
    expect(users.map(({ path }) => path)).toEqual([]);
    expect(loadedWith(filesOf('testing'), true).packages).toEqual(['node:']);
  });
});

describe('the environment', () => {
  it('is read by config.ts alone; the command line passes it through', () => {
    const readers = FILES.filter(({ text }) =>
      /\bprocess\.env\b/.test(text.replace(/`[^`]*`/g, '')),
    );
    expect(readers.map(({ path }) => path).filter((path) => roomOf(path) !== 'cli')).toEqual([
      'src/config.ts',
    ]);
    const named = FILES.filter(({ text }) => /process\.env(\.|\[)/.test(text));
    expect(named.map(({ path }) => path)).toEqual([]);
  });
});

describe('a file', () => {
  it(`has at most ${MAX_LINES} lines`, () => {
    const sizes = FILES.map(({ lines }) => lines).sort((a, b) => a - b);
    const median = sizes[Math.floor(sizes.length / 2)];
    console.log(`src: ${sizes.length} files, median ${median} lines, longest ${sizes.at(-1)}`);
    const long = FILES.filter(({ lines }) => lines > MAX_LINES);
    expect(long.map(({ path, lines }) => `${path}: ${lines}`)).toEqual([]);
  });

  it('is named in kebab-case, for one idea', () => {
    const names = FILES.flatMap(({ path }) => path.replace(/\.ts$/, '').split('/').slice(1));
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))).toEqual([]);
    expect(names.filter((name) => /^(utils?|common|helpers?|misc)$/.test(name))).toEqual([]);
  });

  const FORBIDDEN: [string, (node: ts.Node) => boolean][] = [
    ['default export', (node) => ts.isExportAssignment(node) || hasDefault(node)],
    ['enum', ts.isEnumDeclaration],
    ['namespace', ts.isModuleDeclaration],
    ['any', (node) => node.kind === ts.SyntaxKind.AnyKeyword],
    ['non-null assertion', ts.isNonNullExpression],
    ['export of everything', (node) => ts.isExportDeclaration(node) && !node.exportClause],
    [
      'parameter property',
      (node) => ts.isParameter(node) && ts.isParameterPropertyDeclaration(node, node.parent),
    ],
  ];

  it.each(FORBIDDEN)('has no %s', (_what, matches) => {
    const found = FILES.filter(({ tree }) => [...nodesOf(tree)].some(matches));
    expect(found.map(({ path }) => path)).toEqual([]);
  });

  it('that is an index holds named re-exports only, and opens with what may be imported there', () => {
    for (const { path, tree, text } of FILES.filter((file) => file.path.endsWith('/index.ts'))) {
      expect(tree.statements.every(ts.isExportDeclaration), path).toBe(true);
      expect(text, path).toMatch(/^\/(\*\*|\/)/);
    }
  });
});

function hasDefault(node: ts.Node): boolean {
  const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
  return modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword);
}

/** Circles of files that load each other; one of types only is none when it runs. */
function circles(): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): void => {
    if (trail.includes(path)) found.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (trail.includes(path) || done.has(path)) return;
    for (const { relative, typeOnly, target } of BY_PATH.get(path)?.imports ?? []) {
      if (relative && !typeOnly) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const { path } of FILES) visit(path, []);
  return found;
}
