import type { Command } from 'commander';
import { countRecordsOfKey, stateOf, type KeyState } from '../store/index.js';
import type { Cli, JsonOption } from './cli.js';
import type { CliContext } from './context.js';
import { tableLines } from './output.js';

/** What `keys list` prints (contract §6). */
export interface KeysListResult {
  keys: {
    kid: string;
    purpose: string;
    active: boolean;
    /** `retired`: it does not seal any more, and no record needs it. */
    state: KeyState | 'retired';
    /** Documents that need the key to be opened. */
    records: number;
  }[];
}

/** `keys list`: the keys of the key file, and how much each still holds. */
export function defineKeysList(command: Command, cli: Cli): void {
  command.action((options: JsonOption) =>
    cli.withContext(['MONGODB_URI', 'OAUTH_TOKENS_KEYS_FILE'], async (context) => {
      cli.print(options, await list(context), listText);
    }),
  );
}

async function list(context: CliContext): Promise<KeysListResult> {
  const [database, keys] = await Promise.all([context.database(), context.keys()]);
  const known = await keys.list();
  const counts = await Promise.all(known.map(({ kid }) => countRecordsOfKey(database, kid)));
  return {
    keys: known.map((key, index) => {
      const { kid, purpose, active } = key;
      const records = counts[index] ?? 0;
      const state = stateOf(key);
      const retired = state === 'open-only' && records === 0;
      return { kid, purpose, active, state: retired ? 'retired' : state, records };
    }),
  };
}

function listText({ keys }: KeysListResult): string {
  const rows = keys.map(({ kid, purpose, state, records }) => [
    ...[kid, purpose, state, String(records)],
  ]);
  return tableLines(['key', 'purpose', 'state', 'records'], rows);
}
