import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMongodb } from '../../dev/servers/mongodb.js';
import {
  createFileKeyProvider,
  generateKeys,
  openDatabase,
  type KeyProvider,
  type TokenDatabase,
} from '../../src/store/index.js';

/** A real mongod, a database of its own, and a key file. */
export interface StoreFixture {
  uri: string;
  database: TokenDatabase;
  keys: KeyProvider;
  keysFile: string;
  folder: string;
  stop(): Promise<void>;
}

/** Starts what a test of the store needs. */
export async function startStore(name: string): Promise<StoreFixture> {
  const server = await startMongodb();
  const folder = await mkdtemp(join(tmpdir(), 'oauth-tokens-test-'));
  const keysFile = join(folder, 'keys.json');
  await generateKeys(keysFile);
  const uri = server.uri.replace('/?', `/${name}_${process.pid}?`);
  const database = openDatabase(uri);
  return {
    uri,
    database,
    keys: createFileKeyProvider(keysFile),
    keysFile,
    folder,
    async stop() {
      await database.client.db(database.name).dropDatabase();
      await database.close();
      await server.stop();
      await rm(folder, { recursive: true });
    },
  };
}
