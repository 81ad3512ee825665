/** Exit status: 0 done; 1 it was tried and failed; 2 nothing was tried, the input is wrong. */
export type ExitStatus = 0 | 1 | 2;

/** What a {@link CommandError} says beyond its message. */
export interface CommandErrorOptions {
  exitStatus: 1 | 2;
  type: string;
  final: boolean;
  /** ISO 8601 UTC: not before then. */
  retryAt?: string | null;
}

/** A command that failed in a way the command itself knows. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitStatus: 1 | 2;
  readonly type: string;
  readonly final: boolean;
  readonly retryAt: string | null;

  constructor(message: string, options: CommandErrorOptions) {
    super(message);
    this.exitStatus = options.exitStatus;
    this.type = options.type;
    this.final = options.final;
    this.retryAt = options.retryAt ?? null;
  }
}

/** Nothing was tried, because an argument is wrong. */
export function usageError(message: string): CommandError {
  return new CommandError(message, { exitStatus: 2, type: 'Command.invalid', final: true });
}
