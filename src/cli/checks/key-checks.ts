import { stat } from 'node:fs/promises';
import { kidsInUse } from '../../store/index.js';
import type { CliContext } from '../context.js';
import { bad, good, runCheck, type Check, type Finding } from './check.js';

const GENERATE = 'oauth-tokens keys generate FILE';
const NOT_SET = bad(
  'Not checked: OAUTH_TOKENS_KEYS_FILE is not set.',
  `Set it to a key file; make one with ${GENERATE}.`,
);

/** The key file: readable by its owner alone, an active key of each purpose, all keys in use. */
export function keyChecks(context: CliContext): Promise<Check>[] {
  const { keysFile, mongodbUri } = context.config;
  const readable = `Name a readable key file in OAUTH_TOKENS_KEYS_FILE; make one with ${GENERATE}.`;
  return [
    runCheck('keys', readable, async () => (keysFile === '' ? NOT_SET : findKeys(context))),
    runCheck('keys_in_use', 'See the checks of keys and mongodb.', async () => {
      if (keysFile === '') return NOT_SET;
      if (mongodbUri === '') {
        return bad('Not checked: MONGODB_URI is not set.', 'Set MONGODB_URI.');
      }
      return findKeysInUse(context);
    }),
  ];
}

async function findKeys(context: CliContext): Promise<Finding> {
  const { keysFile } = context.config;
  const keys = await (await context.keys()).list();
  const active = new Set(keys.filter((key) => key.active).map((key) => key.purpose));
  if (!active.has('access') || !active.has('grant')) {
    const missing = ['access', 'grant'].filter((purpose) => !active.has(purpose));
    return bad(
      `The key file has no active key for ${missing.join(' and ')}.`,
      active.has('access')
        ? "Give a token worker the whole key file; an application's own file needs access keys only."
        : `Add keys: ${GENERATE}.`,
    );
  }
  const { mode } = await stat(keysFile);
  if ((mode & 0o077) !== 0) {
    return bad('The key file can be read by others than its owner.', `chmod 600 ${keysFile}`);
  }
  return good(`${keys.length} keys, an active one of each purpose, readable by its owner alone.`);
}

async function findKeysInUse(context: CliContext): Promise<Finding> {
  const [database, provider] = await Promise.all([context.database(), context.keys()]);
  const known = new Set((await provider.list()).map(({ kid }) => kid));
  const missing = (await kidsInUse(database)).filter((kid) => !known.has(kid));
  if (missing.length === 0) return good('Every key that records are sealed with is there.');
  return bad(
    `Records are sealed with keys that are not in the key file: ${missing.join(', ')}.`,
    'Bring these keys back into the key file; until then their connections get Store.key_unavailable.',
  );
}
