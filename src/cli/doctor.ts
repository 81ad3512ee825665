import type { Command } from 'commander';
import { ConfigError, readConfig, type Config } from '../config.js';
import { parseConnectionId } from './arguments.js';
import type { Check } from './checks/check.js';
import { runCheck, good } from './checks/check.js';
import { connectionChecks } from './checks/connection-checks.js';
import { keyChecks } from './checks/key-checks.js';
import { mongodbChecks } from './checks/mongodb-checks.js';
import { temporalChecks } from './checks/temporal-checks.js';
import type { Cli, JsonOption } from './cli.js';
import { CliContext } from './context.js';

/** What `doctor` prints (contract §6). */
export interface DoctorResult {
  ok: boolean;
  checks: Check[];
}

const REQUIRED = ['MONGODB_URI', 'OAUTH_TOKENS_KEYS_FILE'] as const;

/** `doctor`: checks what a deployment needs, and a connection; never requests a token. */
export function defineDoctor(command: Command, cli: Cli): void {
  command
    .argument('[id]', 'a connection to look at as well', parseConnectionId)
    .action(async (connectionId: string | undefined, options: JsonOption) => {
      const checks = await examine(cli.io.env, connectionId);
      const result = { ok: checks.every(({ ok }) => ok), checks };
      cli.print(options, result, doctorText);
      if (!result.ok) cli.exitStatus = 1;
    });
}

async function examine(
  environment: NodeJS.ProcessEnv,
  connectionId: string | undefined,
): Promise<Check[]> {
  let config: Readonly<Config>;
  try {
    // What is missing is told by the check; the others go on without it.
    config = readConfig([], environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [environmentCheck(error)];
  }
  const context = new CliContext(config, () => undefined);
  try {
    return await Promise.all([
      checkRequired(environment),
      ...temporalChecks(context),
      ...mongodbChecks(context),
      ...keyChecks(context),
      runCheck('data_converter', 'Correct OAUTH_TOKENS_DATA_CONVERTER.', async () => {
        const converter = await context.dataConverter();
        return good(converter === undefined ? "Temporal's own." : 'It loads.');
      }),
      ...(connectionId === undefined ? [] : connectionChecks(context, connectionId)),
    ]);
  } finally {
    await context.close();
  }
}

async function checkRequired(environment: NodeJS.ProcessEnv): Promise<Check> {
  try {
    readConfig(REQUIRED, environment);
    return { name: 'environment', ok: true, message: 'All variables are right.', fix: null };
  } catch (error) {
    if (error instanceof ConfigError) return environmentCheck(error);
    throw error;
  }
}

function environmentCheck({ message }: ConfigError): Check {
  return { name: 'environment', ok: false, message, fix: 'Correct these variables.' };
}

function doctorText({ ok, checks }: DoctorResult): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const indent = ' '.repeat(width + 4);
  const lines = checks.map(({ name, ok: fine, message, fix }) => {
    const text = message.split('\n').join(`\n${indent}`);
    const advice = fix === null ? '' : `\n${indent}→ ${fix}`;
    return `${fine ? '✓' : '✗'} ${name.padEnd(width)}  ${text}${advice}\n`;
  });
  const failed = checks.filter((check) => !check.ok).length;
  return `${lines.join('')}\n${ok ? 'All is well.' : `${failed} of ${checks.length} checks failed.`}\n`;
}
