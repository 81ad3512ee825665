import { TemporalFailure } from '@temporalio/common';
import type { Logger, LogLevel, LogMetadata } from '@temporalio/worker';
import { pino, type Logger as PinoLogger } from 'pino';
import { placesOf } from './failures.js';
import { redactJson } from './known-secrets.js';
import { Secret } from './secret.js';

const STANDARD_ERROR = 2;
/** Log fields are read so deep; a circle ends there too. */
const MAX_DEPTH = 6;

/** Errors of the SDK's own, whose messages name servers and queues but no payloads. */
const SPEAKING =
  /^(ServiceError|TransportError|IllegalStateError|UnexpectedError|ConfigError|InputError|StoreError|NetworkPolicyError)$/;

/** What the SDK says at each start of a worker that is as it should be. */
const EXPECTED = /^(asset workflow-bundle|No (workflows|Nexus services) registered)/;

/**
 * Structured logs on standard error. The SDK logs raw errors before they become failures, so this
 * is the last place to keep foreign messages out: of an unknown error only class and place are kept.
 * A known secret, or what looks like a token, is `[redacted]` wherever it stands.
 */
export function createLogger(level: Lowercase<LogLevel>): PinoLogger {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      // `loggable` has already made fields of errors.
      serializers: { err: (fields: unknown) => fields },
      formatters: { level: (label) => ({ level: label }), log: loggableFields },
      hooks: { streamWrite: redactJson },
    },
    pino.destination({ dest: STANDARD_ERROR, sync: true }),
  );
}

/** The SDK's logger interface over pino. */
export function temporalLogger(logger: PinoLogger): Logger {
  const write =
    (level: Lowercase<LogLevel>) =>
    (message: string, meta?: LogMetadata): void =>
      logger[EXPECTED.test(message) ? 'debug' : level](meta ?? {}, message);
  const levels = {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
  return {
    ...levels,
    log: (level, message, meta) =>
      levels[level.toLowerCase() as Lowercase<LogLevel>](message, meta),
  };
}

function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const speaks = error instanceof TemporalFailure || SPEAKING.test(error.name);
  return {
    name: error.name,
    ...('type' in error && typeof error.type === 'string' ? { type: error.type } : {}),
    ...(speaks ? { message: error.message } : {}),
    stack: placesOf(error),
  };
}

function loggableFields(fields: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, value]) => [
    name,
    name === 'error' || name === 'err' ? errorFields(value) : loggable(value, 0),
  ]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

/**
 * What may be logged of a value: a secret has no JSON form, and must not take the log line with it;
 * an error's members may quote anything.
 */
function loggable(value: unknown, depth: number): unknown {
  if (value instanceof Secret) return '[redacted]';
  if (value instanceof Error) return errorFields(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '[…]';
  if (Array.isArray(value)) return value.map((item) => loggable(item, depth + 1));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).map(([name, item]) => [name, loggable(item, depth + 1)]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}
