/**
 * Four ways in which ordinary tools write tokens down, each shown to be real, and what stands against
 * it. The guards' own tests: test/failures.test.ts, test/logging.test.ts, test/leak-guard.test.ts,
 * test/oauth/token-request-limits.test.ts, test/integration/api-origins.test.ts.
 */
import fs from 'node:fs';
import { inspect } from 'node:util';
import {
  ApplicationFailure,
  DefaultFailureConverter,
  defaultPayloadConverter,
} from '@temporalio/common';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { toFailure } from '../src/failures.js';
import { createLogger, temporalLogger } from '../src/logging.js';
import { foreignErrors, MARK, PLANTED } from './foreign-errors.js';
import { CLIENT_SECRET, failureOf, OLD_REFRESH_TOKEN, sendRefresh } from './oauth/requests.js';
import { startServer } from './oauth/servers.js';

const foreign = new Map(await foreignErrors());
const RESPONSE_IN_CAUSE = foreign.get('oauth4webapi: 200 without token_type') as Error;
const TOKEN_IN_MESSAGE = ['Headers: a line break in a token', 'JSON.parse: a form-encoded answer'];

/** What Temporal writes into a history, payloads as text. */
function historyOf(error: unknown): string {
  const failure = new DefaultFailureConverter().errorToFailure(error, defaultPayloadConverter);
  return JSON.stringify(failure);
}

afterEach(() => vi.restoreAllMocks());

describe('F1: a cause that holds the token response', () => {
  it('would be written into the history, which a failure of ours never has', () => {
    const chained = ApplicationFailure.create({ message: 'x', cause: RESPONSE_IN_CAUSE });
    expect(historyOf(chained)).toContain(PLANTED);
    expect(historyOf(toFailure(RESPONSE_IN_CAUSE))).not.toContain(MARK);
    expect(historyOf(toFailure(chained))).not.toContain(MARK);
  });
});

describe('F2: a message that quotes the token', () => {
  it.each(TOKEN_IN_MESSAGE)(
    'would be written into the history, which ours never is: %s',
    (title) => {
      const error = foreign.get(title) as Error;
      expect(historyOf(error)).toContain(MARK);
      expect(historyOf(toFailure(error))).not.toContain(MARK);
    },
  );
});

describe('F3: the SDK logs the error as it was thrown', () => {
  it('and its own loggers would write the token; ours keeps class and place', () => {
    expect(inspect(RESPONSE_IN_CAUSE, { depth: 9 })).toContain(PLANTED);
    const lines: string[] = [];
    vi.spyOn(fs, 'writeSync').mockImplementation((_to: number, text: string) => {
      lines.push(text);
      return Buffer.byteLength(text);
    });
    temporalLogger(createLogger('warn')).warn('Activity failed', { error: RESPONSE_IN_CAUSE });
    expect(lines.join('')).toContain('OperationProcessingError');
    expect(lines.join('')).not.toContain(MARK);
  });
});

describe('F4: a redirect with 307 or 308 of a token request', () => {
  it.each([307, 308])(
    'would post the secrets to another origin; ours goes nowhere (%i)',
    async (status) => {
      const evil = await startServer((_request, response) => response.end('{}'));
      const server = await startServer((_request, response) =>
        response.writeHead(status, { location: `${evil.origin}/token` }).end(),
      );
      const body = new URLSearchParams({ refresh_token: OLD_REFRESH_TOKEN });
      await fetch(server.origin, { method: 'POST', body });
      expect(evil.received.map((request) => request.body)).toEqual([body.toString()]);

      expect(failureOf(await sendRefresh(`${server.origin}/token`))).toMatchObject({
        httpStatus: status,
      });
      expect(server.received.at(-1)?.body).toContain(CLIENT_SECRET);
      expect(evil.received).toHaveLength(1);
    },
  );
});
