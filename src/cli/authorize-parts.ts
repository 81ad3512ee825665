import type { AuthorizationParts, RedemptionClient } from '../authorizations/index.js';
import type { Cli, JsonOption } from './cli.js';

/** Options of `connection authorize`. */
export interface AuthorizeOptions extends JsonOption {
  timeout: number;
  /** False with `--no-browser`. */
  browser: boolean;
  port?: number;
  acceptNewSubject?: boolean;
}

/** What authorizing a connection from a terminal works with. */
export interface AuthorizeTarget {
  parts: AuthorizationParts;
  redemptions: RedemptionClient;
  cli: Cli;
  startedBy: string;
}
