import type { Command } from 'commander';
import type { Cli, JsonOption } from './cli.js';

interface ExportOptions extends JsonOption {
  access: string;
}

/** What `keys export` prints. */
export interface ExportResult {
  file: string;
  kids: string[];
}

/** `keys export --access`: the key file for applications. */
export function defineKeysExport(command: Command, cli: Cli): void {
  command
    .requiredOption('--access <file>', 'the file to write; must not exist')
    .action(async (options: ExportOptions) => {
      const [{ readConfig }, { exportAccessKeys }] = await Promise.all([
        import('../config.js'),
        import('../store/key-file-changes.js'),
      ]);
      const { keysFile } = readConfig(['OAUTH_TOKENS_KEYS_FILE'], cli.io.env);
      const file = options.access;
      cli.print(options, { file, ...(await exportAccessKeys(keysFile, file)) }, exportText);
    });
}

function exportText({ file, kids }: ExportResult): string {
  return `Access keys written to ${file}: ${kids.join(', ')}.\n`;
}
