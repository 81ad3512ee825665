import type { Command } from 'commander';
import type { Cli, JsonOption } from './cli.js';
import { fieldLines, timeText } from './output.js';

/** What `keys generate` prints. */
export interface GenerateResult {
  file: string;
  kids: string[];
  /** When the new keys seal; until then they only open. */
  activeFrom: string;
}

/** `keys generate`: adds a key of each purpose to a key file. */
export function defineKeysGenerate(command: Command, cli: Cli): void {
  command.argument('<file>', 'the key file').action(async (file: string, options: JsonOption) => {
    const { generateKeys } = await import('../store/key-file-changes.js');
    cli.print(options, { file, ...(await generateKeys(file)) }, generateText);
  });
}

function generateText({ file, kids, activeFrom }: GenerateResult): string {
  const soon = Date.parse(activeFrom) - Date.now() > 1_000;
  const fields = fieldLines([
    ['keys', kids.join(', ')],
    ['active', soon ? `${timeText(activeFrom)}: bring the file to every process by then` : 'now'],
  ]);
  return `Keys added to ${file}.\n${fields}`;
}
