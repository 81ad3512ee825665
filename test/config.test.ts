import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, mongodbProblems, readConfig } from '../src/config.js';

const SECURE = 'mongodb://user:secret@db.example/oauth?tls=true';
const REQUIRED = ['MONGODB_URI', 'OAUTH_TOKENS_KEYS_FILE'] as const;
const MINIMAL = { MONGODB_URI: SECURE, OAUTH_TOKENS_KEYS_FILE: '/etc/oauth-tokens/keys.json' };

function complaintsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig([], environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the connect page', () => {
  it.each([
    ['https://connect.example.com', []],
    ['https://example.com/accounts/', []],
    ['http://127.0.0.1:8474', []],
    ['http://localhost:8474', []],
    ['http://connect.example.com', ['OAUTH_TOKENS_CONNECT_URL must begin with https://']],
    ['ftp://127.0.0.1', ['OAUTH_TOKENS_CONNECT_URL must begin with https://']],
    ['https://user:secret@example.com', ['OAUTH_TOKENS_CONNECT_URL must have no user name']],
    ['https://example.com/?next=/', ['OAUTH_TOKENS_CONNECT_URL must have no user name']],
    ['https://example.com/a//b', ['OAUTH_TOKENS_CONNECT_URL must have a plain path']],
    ['connect.example.com', ['OAUTH_TOKENS_CONNECT_URL must be a URL']],
  ])('at %s: %j', (url, expected) => {
    const complaints = complaintsOf({ OAUTH_TOKENS_CONNECT_URL: url });
    expect(complaints).toHaveLength(expected.length);
    expected.forEach((start, at) => expect(complaints[at]).toContain(start));
  });

  it('has no operators who can be guessed', () => {
    const [complaint] = complaintsOf({ OAUTH_TOKENS_CONNECT_TOKEN: 'hunter2' });
    expect(complaint).toMatch(/^OAUTH_TOKENS_CONNECT_TOKEN is too easy to guess/);
    expect(complaint).not.toContain('hunter2');
  });
});

describe('the configuration', () => {
  it('is complete with a MongoDB and a key file', () => {
    const config = readConfig(REQUIRED, MINIMAL);
    expect(config).toMatchObject({
      mongodbUri: SECURE,
      keysFile: '/etc/oauth-tokens/keys.json',
      taskQueue: 'oauth-tokens',
      dataConverterPath: null,
      network: 'public',
      proxy: null,
      searchAttributes: false,
      metricsAddress: null,
      uiUrl: null,
      events: null,
      logLevel: 'info',
      namespace: 'default',
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('takes every variable', () => {
    const config = readConfig(REQUIRED, {
      ...MINIMAL,
      OAUTH_TOKENS_TASK_QUEUE: 'tokens',
      OAUTH_TOKENS_DATA_CONVERTER: './converter.js',
      OAUTH_TOKENS_NETWORK: 'private',
      OAUTH_TOKENS_PROXY: 'http://proxy.example:3128',
      OAUTH_TOKENS_SEARCH_ATTRIBUTES: 'true',
      OAUTH_TOKENS_METRICS_ADDRESS: '127.0.0.1:9464',
      OAUTH_TOKENS_UI_URL: 'http://127.0.0.1:8080',
      OAUTH_TOKENS_WEBHOOK_URL: 'https://hooks.example/oauth',
      OAUTH_TOKENS_WEBHOOK_SECRET_FILE: '/etc/oauth-tokens/webhook-secret',
      OAUTH_TOKENS_EVENT_ACTIVITY: 'onTokenEvent',
      OAUTH_TOKENS_EVENT_TASK_QUEUE: 'operations',
      OAUTH_TOKENS_EXPIRY_NOTICE_DAYS: '60, 14',
      LOG_LEVEL: 'debug',
      TEMPORAL_ADDRESS: 'temporal.example:7233',
      TEMPORAL_NAMESPACE: 'payments',
    });
    expect(config).toMatchObject({
      taskQueue: 'tokens',
      dataConverterPath: './converter.js',
      network: 'private',
      proxy: 'http://proxy.example:3128',
      events: {
        webhook: {
          url: 'https://hooks.example/oauth',
          secretFile: '/etc/oauth-tokens/webhook-secret',
        },
        activity: { name: 'onTokenEvent', taskQueue: 'operations' },
        expiryNoticeDays: [60, 14],
      },
      searchAttributes: true,
      metricsAddress: '127.0.0.1:9464',
      uiUrl: 'http://127.0.0.1:8080',
      logLevel: 'debug',
      namespace: 'payments',
      temporal: { connectionOptions: { address: 'temporal.example:7233' } },
    });
  });

  it.each([
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
    ['', false],
  ])('reads a flag of %j as %s', (OAUTH_TOKENS_SEARCH_ATTRIBUTES, expected) => {
    const config = readConfig([], { OAUTH_TOKENS_SEARCH_ATTRIBUTES });
    expect(config.searchAttributes).toBe(expected);
  });

  it('asks for nothing that the process can do without', () => {
    expect(readConfig([], {})).toMatchObject({ mongodbUri: '', keysFile: '' });
  });
});

const folder = mkdtempSync(join(tmpdir(), 'oat-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A temporal.toml that cannot be read, with a text in its name and in it. */
function brokenToml(text: string): string {
  const path = join(folder, `${text}.toml`);
  writeFileSync(path, `[profile.default]\napi_key = "${text}`);
  return path;
}

describe('a complaint', () => {
  const WRONG = 'xyzzy-4f9c';
  const BROKEN: [string, string][] = [
    ['MONGODB_URI', `postgres://${WRONG}`],
    ['MONGODB_URI', `mongodb://user:${WRONG}/rest@db.example/?tls=true`],
    ['MONGODB_URI', `mongodb://user:${WRONG}@db.example/`],
    ['MONGODB_URI', `mongodb://user:${WRONG}@db.example/?tls=true&w=1`],
    ['OAUTH_TOKENS_NETWORK', WRONG],
    ['OAUTH_TOKENS_PROXY', WRONG],
    ['OAUTH_TOKENS_PROXY', `socks5://${WRONG}:1080`],
    ['OAUTH_TOKENS_SEARCH_ATTRIBUTES', WRONG],
    ['OAUTH_TOKENS_ALLOW_INSECURE_MONGODB', WRONG],
    ['OAUTH_TOKENS_METRICS_ADDRESS', WRONG],
    ['LOG_LEVEL', WRONG],
    ['OAUTH_TOKENS_EXPIRY_NOTICE_DAYS', WRONG],
    ['OAUTH_TOKENS_EXPIRY_NOTICE_DAYS', '30,0'],
    ['OAUTH_TOKENS_EXPIRY_NOTICE_DAYS', '366'],
    ['OAUTH_TOKENS_KEYS_FILE', ''],
    ['OAUTH_TOKENS_TASK_QUEUE', ''],
    ['OAUTH_TOKENS_DATA_CONVERTER', ''],
    ['NODE_TLS_REJECT_UNAUTHORIZED', '0'],
    ['TEMPORAL_CONFIG_FILE', brokenToml(WRONG)],
    ['TEMPORAL_PROFILE', WRONG],
  ];

  it.each([
    ['OAUTH_TOKENS_WEBHOOK_URL', 'https://hooks.example', 'OAUTH_TOKENS_WEBHOOK_SECRET_FILE'],
    ['OAUTH_TOKENS_WEBHOOK_SECRET_FILE', '/etc/secret', 'OAUTH_TOKENS_WEBHOOK_URL'],
    ['OAUTH_TOKENS_EVENT_ACTIVITY', 'onTokenEvent', 'OAUTH_TOKENS_EVENT_TASK_QUEUE'],
    ['OAUTH_TOKENS_EVENT_TASK_QUEUE', 'operations', 'OAUTH_TOKENS_EVENT_ACTIVITY'],
  ])('about %s alone asks for what belongs to it', (name, value, other) => {
    expect(complaintsOf({ [name]: value })).toEqual([
      expect.stringContaining(`${other} is not set`),
    ]);
  });

  it.each(BROKEN)(
    'about %s (%j) names it, says what is right, and not its value',
    (name, value) => {
      const complaints = complaintsOf({ [name]: value });
      expect(complaints).toHaveLength(1);
      expect(complaints[0]).toContain(name.startsWith('TEMPORAL_') ? 'TEMPORAL_' : name);
      expect(complaints.join()).not.toContain(WRONG);
    },
  );

  it('is made about everything at once', () => {
    const environment = {
      OAUTH_TOKENS_NETWORK: 'x',
      LOG_LEVEL: 'x',
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
    };
    expect(() => readConfig(REQUIRED, environment)).toThrow(ConfigError);
    try {
      readConfig(REQUIRED, environment);
    } catch (error) {
      const text = (error as ConfigError).message;
      for (const name of [...Object.keys(environment), ...REQUIRED]) expect(text).toContain(name);
      expect((error as ConfigError).problems).toHaveLength(5);
    }
  });

  it('never holds a value, however the error is printed', () => {
    const secret = 'Zk8vQ2pLw9';
    const names = ['MONGODB_URI', 'OAUTH_TOKENS_PROXY', 'LOG_LEVEL', 'OAUTH_TOKENS_NETWORK'];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.string(), (name, more) => {
        try {
          readConfig([], { [name]: `${more}${secret}` });
        } catch (error) {
          expect(inspect(error, { depth: 9 })).not.toContain(secret);
        }
      }),
    );
  });
});

describe('a MongoDB URI', () => {
  it.each([
    SECURE,
    'mongodb://user:secret@a.example:27017,b.example:27017,c.example/oauth?replicaSet=rs&tls=true',
    'mongodb+srv://user:secret@cluster.example/oauth',
    'mongodb://user:p%40ss%2Fw%3A%3Frd@db.example/?tls=true',
    'mongodb://user%40corp.example:secret@db.example/?ssl=true',
    'mongodb://db.example/?tls=true&authMechanism=MONGODB-X509',
    'mongodb://user:secret@db.example/?tls=true&w=majority&readPreference=primary',
    'mongodb://user:secret@db.example/?tls=true&compressors=zstd,zlib&w=majority',
    'mongodb://127.0.0.1:27017',
    'mongodb://localhost:27017/oauth?replicaSet=rs0',
    'mongodb://[::1]:27017,127.0.0.2/?replicaSet=rs0',
  ])('may be %s', (uri) => {
    expect(mongodbProblems(uri, 'public', false)).toEqual([]);
  });

  it.each([
    [
      'mongodb://user:secret@db.example/?tls=true&readPreference=secondaryPreferred',
      'readPreference',
    ],
    ['mongodb://user:secret@db.example/?tls=true&READPREFERENCE=nearest', 'readPreference'],
    ['mongodb://user:secret@db.example/?tls=true&w=1', ' w '],
    ['mongodb://user:secret@db.example/?tls=true&w=0', ' w '],
    ['mongodb://a,b/?compressors=zstd,zlib&tls=true&authMechanism=MONGODB-AWS&w=1', ' w '],
    ['mongodb://user:secret@a.example,b.example?tls=true&readPreference=nearest', 'readPreference'],
    ['mongodb://user:secret@db.example/', 'without TLS'],
    ['mongodb://user:secret@db.example/?tls=false', 'without TLS'],
    ['mongodb+srv://user:secret@cluster.example/?tls=false', 'without TLS'],
    ['mongodb://db.example/?tls=true', 'without credentials'],
    ['mongodb://@db.example/?tls=true', 'without credentials'],
    ['mongodb://user:secret@127.0.0.1,db.example/', 'without TLS'],
    ['mongodb://user:secret@127.0.0.1.evil.example/', 'without TLS'],
    ['mongodb://user:secret@db.example?x=@localhost/', 'without TLS'],
    ['mongodb://user:sec/ret@db.example/?tls=true', 'cannot be read'],
  ])('may not be %s: %s', (uri, about) => {
    const problems = mongodbProblems(uri, 'public', false);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(about);
  });

  it.each(['private', 'loopback'] as const)(
    'needs neither TLS nor login under network %s',
    (mode) => {
      expect(mongodbProblems('mongodb://db.internal/', mode, false)).toEqual([]);
    },
  );

  it('needs neither when OAUTH_TOKENS_ALLOW_INSECURE_MONGODB says so', () => {
    const environment = {
      MONGODB_URI: 'mongodb://db.internal/',
      OAUTH_TOKENS_ALLOW_INSECURE_MONGODB: 'true',
    };
    expect(readConfig([], environment).mongodbUri).toBe('mongodb://db.internal/');
    expect(complaintsOf({ MONGODB_URI: 'mongodb://db.internal/' })).toHaveLength(2);
  });

  it.each(['w=1', 'readPreference=secondary'])(
    'is never weak (%s), wherever it leads',
    (option) => {
      for (const mode of ['public', 'private', 'loopback'] as const) {
        expect(mongodbProblems(`mongodb://127.0.0.1/?${option}`, mode, true)).toHaveLength(1);
      }
    },
  );
});
