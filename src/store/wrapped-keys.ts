import type { TokenDatabase } from './database.js';
import { storeOperation } from './errors.js';
import type { KeyPurpose } from './keys.js';

/** A document of `keys`: a sealing key as a KMS wrapped it. Times are `$$NOW`'s. */
export interface WrappedKeyDocument {
  /** The key id. */
  _id: string;
  purpose: KeyPurpose;
  /** Names the adapter. */
  kms: string;
  keyRef: string;
  /** Base64url. */
  wrapped: string;
  /** How long after `createdAt` it seals, in milliseconds. */
  activeAfterMs: number;
  createdAt: Date;
}

/** The wrapped keys of a database, and MongoDB's clock when they were read. */
export interface ReadWrappedKeys {
  documents: WrappedKeyDocument[];
  now: number;
}

/** Reads the wrapped keys, the oldest first. */
export async function readWrappedKeys(database: TokenDatabase): Promise<ReadWrappedKeys> {
  const documents = await storeOperation('read the wrapped keys', () =>
    database.keys
      .aggregate<WrappedKeyDocument & { now: Date }>([
        { $sort: { createdAt: 1, _id: 1 } },
        { $set: { now: '$$NOW' } },
      ])
      .toArray(),
  );
  return { documents, now: documents[0]?.now.getTime() ?? 0 };
}

/** Writes a new wrapped key. */
export async function insertWrappedKey(
  database: TokenDatabase,
  { _id, ...fields }: Omit<WrappedKeyDocument, 'createdAt'>,
): Promise<void> {
  const literal = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, { $literal: value }]),
  );
  await storeOperation('write a wrapped key', () =>
    database.keys.updateOne(
      { _id, createdAt: { $exists: false } },
      [{ $set: { ...literal, createdAt: '$$NOW' } }],
      { upsert: true },
    ),
  );
}

/** When a key seals (MongoDB's clock). */
export function activeFromOf({ createdAt, activeAfterMs }: WrappedKeyDocument): number {
  return createdAt.getTime() + activeAfterMs;
}
