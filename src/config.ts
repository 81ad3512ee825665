import { loadClientConnectConfig } from '@temporalio/envconfig';
import { z } from 'zod';
import { DEFAULT_TASK_QUEUE } from './contract/names.js';
import type { NetworkMode } from './network.js';

/** Something in the environment is missing or wrong. Says which variable, never its value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** One line for each complaint. */
  readonly problems: readonly string[];

  constructor(problems: string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** What the process needs to know, read once and frozen. */
export interface Config {
  /** Empty when it is not set and not required. */
  mongodbUri: string;
  /** Empty when it is not set and not required. */
  keysFile: string;
  taskQueue: string;
  dataConverterPath: string | null;
  network: NetworkMode;
  proxy: string | null;
  searchAttributes: boolean;
  /** Address the worker serves Prometheus metrics on; null: none. */
  metricsAddress: string | null;
  logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  temporal: ReturnType<typeof loadClientConnectConfig>;
  namespace: string;
}

const REQUIRED = {
  MONGODB_URI: 'the URI of a MongoDB replica set',
  OAUTH_TOKENS_KEYS_FILE: 'the path of a key file made by `oauth-tokens keys generate`',
} as const;

/** A variable that some processes cannot do without. */
export type RequiredVariable = keyof typeof REQUIRED;

const flag = z.enum(['true', 'false', '1', '0', '']).transform((v) => v === 'true' || v === '1');

const environmentSchema = z.object({
  MONGODB_URI: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\//, 'must begin with mongodb:// or mongodb+srv://')
    .optional(),
  OAUTH_TOKENS_KEYS_FILE: z.string().min(1, 'is empty: give a path').optional(),
  OAUTH_TOKENS_TASK_QUEUE: z.string().min(1, 'is empty: give a name').default(DEFAULT_TASK_QUEUE),
  OAUTH_TOKENS_DATA_CONVERTER: z.string().min(1, 'is empty: give a module path').optional(),
  OAUTH_TOKENS_NETWORK: z
    .enum(['public', 'private', 'loopback'], 'must be public, private or loopback')
    .default('public'),
  OAUTH_TOKENS_PROXY: z.url('must be a URL').optional(),
  OAUTH_TOKENS_SEARCH_ATTRIBUTES: flag.default(false),
  OAUTH_TOKENS_ALLOW_INSECURE_MONGODB: flag.default(false),
  OAUTH_TOKENS_METRICS_ADDRESS: z
    .string()
    .regex(/^\S+:\d+$/, 'must be host:port')
    .optional(),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error'], 'must be trace, debug, info, warn or error')
    .default('info'),
});

/**
 * Reads the environment (contract §7).
 *
 * @param required - variables this process cannot do without
 * @param environment - `process.env` in production
 * @throws ConfigError with every complaint at once
 */
export function readConfig(
  required: readonly RequiredVariable[] = [],
  environment: NodeJS.ProcessEnv = process.env,
): Readonly<Config> {
  const parsed = environmentSchema.safeParse(environment);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
  for (const name of required) {
    if (environment[name] === undefined)
      problems.push(`${name} is not set: give ${REQUIRED[name]}`);
  }
  if (environment['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    problems.push('NODE_TLS_REJECT_UNAUTHORIZED=0 turns TLS verification off: unset it');
  }
  if (parsed.success && parsed.data.MONGODB_URI !== undefined) {
    const insecure = parsed.data.OAUTH_TOKENS_ALLOW_INSECURE_MONGODB;
    problems.push(
      ...mongodbProblems(parsed.data.MONGODB_URI, parsed.data.OAUTH_TOKENS_NETWORK, insecure),
    );
  }
  const temporal = readTemporal(environment, problems);
  if (!parsed.success || temporal === null || problems.length > 0) throw new ConfigError(problems);
  const data = parsed.data;
  return Object.freeze({
    mongodbUri: data.MONGODB_URI ?? '',
    keysFile: data.OAUTH_TOKENS_KEYS_FILE ?? '',
    taskQueue: data.OAUTH_TOKENS_TASK_QUEUE,
    dataConverterPath: data.OAUTH_TOKENS_DATA_CONVERTER ?? null,
    network: data.OAUTH_TOKENS_NETWORK,
    proxy: data.OAUTH_TOKENS_PROXY ?? null,
    searchAttributes: data.OAUTH_TOKENS_SEARCH_ATTRIBUTES,
    metricsAddress: data.OAUTH_TOKENS_METRICS_ADDRESS ?? null,
    logLevel: data.LOG_LEVEL,
    temporal,
    namespace: temporal.namespace ?? 'default',
  });
}

function readTemporal(
  environment: NodeJS.ProcessEnv,
  problems: string[],
): Config['temporal'] | null {
  try {
    return loadClientConnectConfig({ overrideEnvVars: definedOf(environment) });
  } catch {
    problems.push(
      'TEMPORAL_* or temporal.toml cannot be read: see TEMPORAL_CONFIG_FILE and TEMPORAL_PROFILE',
    );
    return null;
  }
}

function definedOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  const defined = Object.entries(environment).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined) as Record<string, string>;
}

/** What the contract refuses in a MongoDB URI: weaker writes, secondary reads, no TLS, no login. */
export function mongodbProblems(
  uri: string,
  network: NetworkMode,
  allowInsecure: boolean,
): string[] {
  let url: URL;
  try {
    url = new URL(
      uri.replace(/^mongodb(\+srv)?:\/\//, 'http://').replace(/,[^/@]*(?=\/|$|\?)/, ''),
    );
  } catch {
    return ['MONGODB_URI cannot be read as a URI'];
  }
  const option = (name: string): string | null => {
    for (const [key, value] of url.searchParams) if (key.toLowerCase() === name) return value;
    return null;
  };
  const problems: string[] = [];
  const readPreference = option('readpreference');
  if (readPreference !== null && readPreference !== 'primary') {
    problems.push(
      'MONGODB_URI must not set readPreference other than primary: decisions need the newest record',
    );
  }
  const w = option('w');
  if (w !== null && w !== 'majority') {
    problems.push(
      'MONGODB_URI must not set w other than majority: a fail-over would lose a rotated token',
    );
  }
  if (network !== 'public' || allowInsecure || onlyLoopback(uri)) return problems;
  const tls =
    option('tls') ?? option('ssl') ?? (uri.startsWith('mongodb+srv://') ? 'true' : 'false');
  const mechanism = option('authmechanism');
  if (tls !== 'true') problems.push(insecure('without TLS'));
  if (url.username === '' && mechanism === null) problems.push(insecure('without credentials'));
  return problems;
}

const insecure = (what: string): string =>
  `MONGODB_URI reaches another host ${what}: add it, or set OAUTH_TOKENS_ALLOW_INSECURE_MONGODB=true`;

function onlyLoopback(uri: string): boolean {
  const authority = /^mongodb(?:\+srv)?:\/\/(?:[^/]*@)?([^/?]*)/.exec(uri)?.[1] ?? '';
  return authority
    .split(',')
    .every((host) => /^(127(\.\d+){3}|localhost|\[::1\])(:\d+)?$/.test(host));
}
