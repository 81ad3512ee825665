/** What is wrong with one field of a connection file. */
export interface Problem {
  /** Dotted path of the member, such as `grant.scope`; empty: the file as a whole. */
  field: string;
  /** What would be right, in our words; never the member's value. */
  problem: string;
}

/**
 * A connection cannot be put as it is described: every problem at once. Nothing was written. The
 * messages name fields and variables, and never repeat a value that may be a secret.
 */
export class ConnectionFileError extends Error {
  override readonly name = 'ConnectionFileError';
  readonly code = 'invalid';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(problemText).join('\n'));
    this.problems = problems;
  }
}

/** A problem as one line: `grant.scope: must be …`. */
export function problemText({ field, problem }: Problem): string {
  return field === '' ? problem : `${field}: ${problem}`;
}
