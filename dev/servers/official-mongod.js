// Downloads mongod the way mongodb-memory-server does, as a process of its own:
// node official-mongod.js FOLDER VERSION leaves FOLDER/mongod. See official-download.ts.
import process from 'node:process';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MongoBinary } from 'mongodb-memory-server-core';

const [, , downloadDir, version] = process.argv;
try {
  // The library may also answer with a copy it has in a folder of its own.
  const path = await MongoBinary.getPath({ downloadDir, version, checkMD5: true });
  await copyFile(path, join(downloadDir, 'mongod'));
} catch (error) {
  process.stderr.write(`${error.message.replaceAll('\n', ' ')}\n`);
  process.exit(1);
}
