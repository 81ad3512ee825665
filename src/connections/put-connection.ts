import { randomBytes } from 'node:crypto';
import type { ConnectionRecord } from '../contract/connection-record.js';
import type { TokenState } from '../contract/messages.js';
import type { Network } from '../network.js';
import { StoreError, type KeyProvider, type TokenDatabase } from '../store/index.js';
import type { Secret } from '../secret.js';
import { readConnectionFile, type ReadConnectionFile } from './connection-file.js';
import { SECRET_FIELDS, type SecretName } from './cross-member-rules.js';
import { consentWarnings } from './consent-warnings.js';
import { notifyLifecycle, wakeWaiting, type LifecycleToNotify } from './lifecycle-notice.js';
import { ConnectionFileError } from './problems.js';
import { missingSecrets, planPut } from './put-plan.js';
import { memberOf } from './raw-members.js';
import { resolveRecord } from './record.js';
import { findSecrets, type FoundSecrets } from './secrets.js';
import { readPair } from './stored.js';
import { writePut } from './write-put.js';

/** What putting a connection needs. */
export interface PutDependencies {
  database: TokenDatabase;
  /** With `grant` keys. */
  keys: KeyProvider;
  network: Network;
  /** Where `{ "env": NAME }` is looked up. */
  environment: NodeJS.ProcessEnv;
  /** Who puts, for people. */
  updatedBy: string;
  /** Told after the write; null: nobody is told. */
  lifecycle: LifecycleToNotify | null;
  /** Told when the lifecycle could not take note; the connection is put all the same. */
  warn: (message: string) => void;
}

/** The connection to put. */
export interface PutInput {
  /** The parsed connection file. */
  file: unknown;
  /** What paths in it are relative to. */
  directory: string;
  /** Secrets that came on standard input. */
  given?: Partial<Record<SecretName, Secret>>;
}

/** What a `put` did (contract §6). */
export interface PutResult {
  connectionId: string;
  created: boolean;
  /** Members of the file whose value changed; empty when it was created or nothing changed. */
  changed: string[];
  epoch: number;
  generation: number;
  state: TokenState;
}

const MAX_TRIES = 20;

/**
 * Registers a connection or changes it. Idempotent: an unchanged file changes nothing but
 * `revision`, `updatedAt` and `updatedBy`, and lifts `blocked` and `quarantined`. Both documents are
 * written in one transaction, so that a crash leaves either all of it or nothing.
 *
 * @throws ConnectionFileError with every problem at once; MetadataError; StoreError
 */
export async function putConnection(
  dependencies: PutDependencies,
  input: PutInput,
): Promise<PutResult> {
  const { file, secrets } = await readInput(dependencies, input);
  const next = await resolveRecord(file, dependencies.network);
  const result = await writeUntilDone(dependencies, next, secrets);
  const { lifecycle, warn } = dependencies;
  for (const name of ['clientSecret', 'refreshToken'] as const) {
    const found = secrets[name];
    if (found.found === 'unset') {
      warn(`${SECRET_FIELDS[name]}: ${found.problem}; the one that is sealed stays.`);
    }
  }
  for (const warning of consentWarnings(next, result.changed)) warn(warning);
  if (lifecycle !== null) {
    await notifyLifecycle(lifecycle, next, warn);
    const serves = result.state === 'active' && !result.created;
    if (serves) await wakeWaiting(lifecycle, result.connectionId, warn);
  }
  return result;
}

async function readInput(dependencies: PutDependencies, input: PutInput) {
  const given = Object.keys(input.given ?? {}) as SecretName[];
  const read = readConnectionFile(input.file, dependencies.network, new Set(given));
  const secrets = await findSecrets(read.references, {
    environment: dependencies.environment,
    directory: input.directory,
    ...(input.given === undefined ? {} : { given: input.given }),
  });
  if (read.file !== null && secrets.problems.length === 0) return { file: read.file, secrets };
  const missing = await missingForWrongFile(dependencies.database, input.file, read, secrets);
  const known = new Set(read.problems.map(({ field }) => field));
  throw new ConnectionFileError([
    ...read.problems,
    ...[...secrets.problems, ...missing].filter(({ field }) => !known.has(field)),
  ]);
}

/** A wrong file is told everything at once, so the secrets that are nowhere as well. */
async function missingForWrongFile(
  database: TokenDatabase,
  raw: unknown,
  { connectionId }: ReadConnectionFile,
  secrets: FoundSecrets,
) {
  const authentication = memberOf(raw, ['client', 'authentication']);
  const names: SecretName[] = [];
  if (authentication === 'client_secret_basic' || authentication === 'client_secret_post') {
    names.push('clientSecret');
  }
  if (memberOf(raw, ['grant', 'grantType']) === 'refresh_token') names.push('refreshToken');
  if (missingSecrets(names, secrets, null).length === 0) return [];
  // What is sealed already is not missing; a store that does not answer is not this file's fault.
  const stored =
    connectionId === null ? null : await readPair(database, connectionId).catch(() => undefined);
  return stored === undefined ? [] : missingSecrets(names, secrets, stored);
}

async function writeUntilDone(
  { database, keys, updatedBy }: PutDependencies,
  next: ConnectionRecord,
  secrets: FoundSecrets,
): Promise<PutResult> {
  const incarnation = randomBytes(6).toString('base64url');
  for (let attempt = 1; attempt <= MAX_TRIES; attempt += 1) {
    const stored = await readPair(database, next.connectionId);
    const plan = await planPut({ next, secrets, stored, keys, database: database.name });
    if (Array.isArray(plan)) throw new ConnectionFileError(plan);
    const write = { next, plan, stored, incarnation, updatedBy };
    const written = await writePut(database, keys, write);
    if (written !== null) {
      const { connectionId } = next;
      const changed = plan.created
        ? []
        : [...plan.changed, ...written.secrets.map((name) => SECRET_FIELDS[name])];
      return { connectionId, created: plan.created, changed, ...written.token };
    }
    // Another put or a token request came first; people do not mind the milliseconds.
    await new Promise((done) => setTimeout(done, Math.random() * 20 * attempt));
  }
  throw new StoreError(
    'unavailable',
    `The records of connection ${next.connectionId} kept changing while it was put.`,
  );
}
