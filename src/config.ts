import { loadClientConnectConfig } from '@temporalio/envconfig';
import { z } from 'zod';
import { connectConfigOf, connectVariables, type ConnectConfig } from './config/connect.js';
import {
  eventsConfigOf,
  eventsProblems,
  eventsVariables,
  type EventsConfig,
} from './config/events.js';
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
  /** Folder of the worker's journal; null: it keeps none. */
  journalFolder: string | null;
  /** URL of the Temporal UI, for links; null: guessed from the address. */
  uiUrl: string | null;
  /** Address the worker serves Prometheus metrics on; null: none. */
  metricsAddress: string | null;
  /** Who is told of what happens to connections; null: nobody. */
  events: EventsConfig | null;
  /** The connect page. */
  connect: ConnectConfig;
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

const flag = z
  .enum(['true', 'false', '1', '0', ''], 'must be true or false')
  .transform((value) => value === 'true' || value === '1');

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
  OAUTH_TOKENS_PROXY: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .optional(),
  OAUTH_TOKENS_SEARCH_ATTRIBUTES: flag.default(false),
  OAUTH_TOKENS_ALLOW_INSECURE_MONGODB: flag.default(false),
  OAUTH_TOKENS_JOURNAL_DIR: z.string().min(1, 'is empty: give a path').optional(),
  OAUTH_TOKENS_UI_URL: z.url('must be a URL').optional(),
  OAUTH_TOKENS_METRICS_ADDRESS: z
    .string()
    .regex(/^\S+:\d+$/, 'must be host:port')
    .optional(),
  ...eventsVariables,
  ...connectVariables,
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
  problems.push(...eventsProblems(environment));
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
    journalFolder: data.OAUTH_TOKENS_JOURNAL_DIR ?? null,
    uiUrl: data.OAUTH_TOKENS_UI_URL ?? null,
    metricsAddress: data.OAUTH_TOKENS_METRICS_ADDRESS ?? null,
    events: eventsConfigOf(data),
    connect: Object.freeze(connectConfigOf(data)),
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

/** The parts of a connection string; a user name or password with `/`, `?` or `@` is encoded. */
const MONGODB_PARTS =
  /^mongodb(?<srv>\+srv)?:\/\/(?:(?<login>[^/?@]*)@)?(?<hosts>[^/?@]+)(?:\/[^?@]*)?(?:\?(?<options>.*))?$/;

/** What the contract refuses in a MongoDB URI: weaker writes, secondary reads, no TLS, no login. */
export function mongodbProblems(
  uri: string,
  network: NetworkMode,
  allowInsecure: boolean,
): string[] {
  const parts = MONGODB_PARTS.exec(uri)?.groups;
  if (parts === undefined) {
    return ['MONGODB_URI cannot be read: percent-encode its user name and password'];
  }
  const { srv, login = '', hosts = '' } = parts;
  const options = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(parts['options'])) {
    options.set(name.toLowerCase(), value);
  }
  const problems: string[] = [];
  if ((options.get('readpreference') ?? 'primary') !== 'primary') {
    problems.push(
      'MONGODB_URI must not set readPreference other than primary: decisions need the newest record',
    );
  }
  if ((options.get('w') ?? 'majority') !== 'majority') {
    problems.push(
      'MONGODB_URI must not set w other than majority: a fail-over would lose a rotated token',
    );
  }
  if (network !== 'public' || allowInsecure || hosts.split(',').every(isLoopback)) return problems;
  const tls = options.get('tls') ?? options.get('ssl') ?? (srv === undefined ? 'false' : 'true');
  if (tls !== 'true') problems.push(insecure('without TLS'));
  if (login === '' && !options.has('authmechanism')) {
    problems.push(insecure('without credentials'));
  }
  return problems;
}

const insecure = (what: string): string =>
  `MONGODB_URI reaches another host ${what}: add it, or set OAUTH_TOKENS_ALLOW_INSECURE_MONGODB=true`;

function isLoopback(host: string): boolean {
  return /^(127(\.\d+){3}|localhost|\[::1\])(:\d+)?$/.test(host);
}
