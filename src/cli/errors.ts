import { ApplicationFailure } from '@temporalio/common';
import { CommanderError } from 'commander';
import { ConfigError } from '../config.js';
import { ConnectionFileError } from '../connections/index.js';
import { failureTypeOf, toFailure } from '../failures.js';
import { MetadataError } from '../oauth/index.js';
import { CommandError, type ExitStatus } from './command-error.js';
import type { CliIo } from './io.js';
import { grpcProblem } from './temporal-errors.js';

/** An error as it is told: what `--json` prints, and the exit status. */
export interface ErrorReport {
  exitStatus: 1 | 2;
  type: string;
  message: string;
  final: boolean;
  retryAt: string | null;
}

/** Tells an error on standard error, without stack or secret. */
export function reportError(error: unknown, io: CliIo): ExitStatus {
  const { exitStatus, ...report } = describeError(error);
  if (io.argv.includes('--json')) io.stderr.write(`${JSON.stringify(report)}\n`);
  // Commander has told people already.
  else if (!(error instanceof CommanderError)) io.stderr.write(errorText(report));
  return exitStatus;
}

function errorText({ type, message, final, retryAt }: Omit<ErrorReport, 'exitStatus'>): string {
  const lines = message.split('\n');
  const body = lines.length === 1 ? ` ${message}` : `\n${lines.map((l) => `  ${l}`).join('\n')}`;
  const later = retryAt === null ? '' : `\nIt may be tried again at ${retryAt}.`;
  const nature = final ? '' : ' (not final)';
  return `error: ${type}${nature}:${body}${later}\n`;
}

/** What an error means to whoever ran the command. */
export function describeError(error: unknown): ErrorReport {
  if (error instanceof CommandError) {
    const { exitStatus, type, message, final, retryAt } = error;
    return { exitStatus, type, message, final, retryAt };
  }
  if (error instanceof CommanderError) {
    return wrongInput('Command.invalid', error.message.replace(/^error: /, ''));
  }
  if (error instanceof ConfigError) return wrongInput('Environment.invalid', error.message);
  if (error instanceof ConnectionFileError) return wrongInput('Connection.invalid', error.message);
  if (error instanceof MetadataError) return metadataReport(error);
  const application = applicationFailureIn(error);
  if (application !== null) return failureReport(application);
  if (failureTypeOf(error) !== null) return failureReport(toFailure(error));
  const grpc = grpcProblem(error);
  if (grpc !== null) return failed(grpc.type, grpc.message, grpc.final);
  const name = error instanceof Error && /^\w{1,64}$/.test(error.name) ? error.name : 'error';
  return failed('Unexpected', `Unexpected ${name}.`, true);
}

function wrongInput(type: string, message: string): ErrorReport {
  return { exitStatus: 2, type, message, final: true, retryAt: null };
}

function failed(type: string, message: string, final: boolean): ErrorReport {
  return { exitStatus: 1, type, message, final, retryAt: null };
}

function metadataReport({ code, message, temporary }: MetadataError): ErrorReport {
  if (temporary) return failed('OAuth.unreachable', message, false);
  const type = code === 'network_not_allowed' ? 'Policy.network_not_allowed' : 'Connection.invalid';
  return failed(type, message, true);
}

/** The ApplicationFailure that a workflow failed with, through the SDK's own layers. */
function applicationFailureIn(error: unknown): ApplicationFailure | null {
  let found: unknown = error;
  for (let depth = 0; depth < 8 && found instanceof Error; depth += 1) {
    if (found instanceof ApplicationFailure) return found;
    found = found.cause;
  }
  return null;
}

function failureReport(failure: ApplicationFailure): ErrorReport {
  const { type, message, nonRetryable } = failure;
  const nextRetryDelay: unknown = failure.nextRetryDelay;
  const delay = typeof nextRetryDelay === 'number' ? nextRetryDelay : null;
  return {
    exitStatus: 1,
    type: type ?? 'Unexpected',
    message,
    final: nonRetryable === true,
    retryAt: delay === null ? null : new Date(Date.now() + delay).toISOString(),
  };
}
