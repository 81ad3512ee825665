import type { Command } from 'commander';
import { staleKeys, type RotateKeysResult } from '../contract/key-rotation.js';
import { failure } from '../failures.js';
import {
  countRecordsOfKey,
  countRecordsOfKeys,
  kidsInUse,
  stateOf,
  type KeyInfo,
} from '../store/index.js';
import { timeoutOption } from './arguments.js';
import type { Cli, JsonOption } from './cli.js';
import type { CliContext } from './context.js';
import { durationText } from './durations.js';
import { followRotation } from './follow-rotation.js';
import { fieldLines, timeText } from './output.js';

interface RotateOptions extends JsonOption {
  timeout: number;
}

/** What `keys rotate` prints. */
export type RotateResult = Pick<
  RotateKeysResult,
  'resealed' | 'left' | 'conflicts' | 'durationMs' | 'retired'
>;

/** `keys rotate`: has every record sealed with the active keys of a key file. */
export function defineKeysRotate(command: Command, cli: Cli): void {
  command
    .argument('[file]', 'the key file whose active keys seal; default OAUTH_TOKENS_KEYS_FILE')
    .addOption(timeoutOption('how long to wait; the rotation goes on without the command'))
    .addHelpText(
      'after',
      '\n`keys generate` adds keys; they become active 10 minutes later, and then this command moves' +
        '\neverything to them. Safe to repeat, and to end: what is left is done by the next one.',
    )
    .action((file: string | undefined, options: RotateOptions) => {
      const needed = ['MONGODB_URI', ...(file === undefined ? ['OAUTH_TOKENS_KEYS_FILE'] : [])];
      return cli.withContext(needed as 'MONGODB_URI'[], async (context) => {
        const result = await rotate(context, cli, { ...options, file });
        cli.print(options, result, rotateText);
        if (result.left > 0) cli.exitStatus = 1;
      });
    });
}

async function rotate(
  context: CliContext,
  cli: Cli,
  { file, timeout, json }: RotateOptions & { file: string | undefined },
): Promise<RotateResult> {
  const deadline = performance.now() + timeout;
  const keys = await context.keys(file);
  const infos = await keys.list();
  const [access, grant] = await Promise.all([keys.active('access'), keys.active('grant')]);
  const active = { access: access.kid, grant: grant.kid };
  const stale = staleKeys(
    infos.map((info) => ({ ...info, state: stateOf(info) })),
    active,
  );
  const database = await context.ownDatabase();
  for (const note of notesOn(infos, await kidsInUse(database))) cli.note(note);
  const total: RotateResult = { resealed: 0, left: 0, conflicts: 0, durationMs: 0, retired: [] };
  for (;;) {
    total.left = await countRecordsOfKeys(database, stale);
    if (total.left === 0) break;
    const timeoutMs = deadline - performance.now();
    const follow = { active, stale, timeoutMs, waitsMs: timeout, quiet: json === true };
    const done = await followRotation(context, cli, follow);
    total.resealed += done.resealed;
    total.conflicts += done.conflicts;
    total.durationMs += done.durationMs;
    // One that was under way may have been for the keys of before.
    const same = done.active.access === active.access && done.active.grant === active.grant;
    total.left = await countRecordsOfKeys(database, stale);
    if (same) break;
  }
  const records = await Promise.all(stale.map((kid) => countRecordsOfKey(database, kid)));
  total.retired = stale.filter((_, index) => records[index] === 0);
  return total;
}

function notesOn(infos: KeyInfo[], inUse: string[]): string[] {
  const waiting = infos.filter((info) => stateOf(info) === 'created');
  const missing = inUse.filter((kid) => !infos.some((info) => info.kid === kid));
  const notes = waiting.map(
    ({ kid, activeFrom }) =>
      `${kid} becomes active ${timeText(activeFrom ?? null) ?? 'later'}: until then everything is ` +
      'sealed with the key before it. Run this command again afterwards.',
  );
  if (missing.length === 0) return notes;
  const { message } = failure('Store.key_unavailable', { detail: `(${missing.join(', ')})` });
  return [...notes, message];
}

function rotateText({ resealed, left, conflicts, durationMs, retired }: RotateResult): string {
  const head =
    left === 0
      ? 'Every record is sealed with the active keys.\n'
      : `${left} records still need an older key: see the worker's log, and run the command again.\n`;
  const fields = fieldLines([
    ['sealed anew', resealed],
    ['conflicts', conflicts === 0 ? null : `${conflicts}, each looked at again`],
    ['took', durationMs === 0 ? null : durationText(durationMs)],
    ['retired', retired.length === 0 ? null : retired.join(', ')],
  ]);
  const advice =
    retired.length === 0
      ? ''
      : 'No record needs the retired keys. Take them out of the key file once every process has a ' +
        'file with the new keys, and you will restore no backup from before.\n';
  return `${head}${fields}${advice}`;
}
