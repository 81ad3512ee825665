import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { inject } from 'vitest';
import {
  createFileKeyProvider,
  generateKeys,
  openDatabase,
  type KeyProvider,
  type TokenDatabase,
} from '../../src/store/index.js';
import { withDatabase } from '../support/token-system.js';

/** A database of its own on the test run's mongod, and a key file. */
export interface StoreFixture {
  database: TokenDatabase;
  keys: KeyProvider;
  stop(): Promise<void>;
}

/** Prepares what a test of the store needs. */
export async function startStore(): Promise<StoreFixture> {
  const id = randomBytes(5).toString('hex');
  const keysFile = join(inject('scratch'), `keys-${id}.json`);
  await generateKeys(keysFile);
  const database = openDatabase(withDatabase(inject('mongodbUri'), `put_${id}`));
  return {
    database,
    keys: createFileKeyProvider(keysFile),
    async stop() {
      await database.client.db(database.name).dropDatabase();
      await database.close();
    },
  };
}
