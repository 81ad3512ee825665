// One table in three places: what the code makes, what operators read, what the contract promises.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAILURES, isFailureType, type FailureRow } from '../src/contract/failure-types.js';
import { isOAuthErrorCode } from '../src/oauth/index.js';
import { readSources } from './source-files.js';

const ROWS: [string, FailureRow][] = Object.entries(FAILURES);
const PAGE = readFileSync(new URL('../docs/failures.md', import.meta.url), 'utf8');

/** The contract's table: type, and whether it is final. */
const CONTRACT: Record<string, boolean> = {
  'OAuth.invalid_client': true,
  'OAuth.unauthorized_client': true,
  'OAuth.invalid_scope': true,
  'OAuth.unsupported_grant_type': true,
  'OAuth.invalid_request': true,
  'OAuth.invalid_target': true,
  'OAuth.other': true,
  'OAuth.invalid_grant': true,
  'OAuth.rate_limited': false,
  'OAuth.server_error': false,
  'OAuth.unreachable': false,
  'OAuth.malformed_response': false,
  'Token.reauthorization_required': true,
  'Token.revoked': true,
  'Token.lifetime_too_short': true,
  'Token.refresh_in_progress': false,
  'Token.revocation_in_progress': false,
  'Token.rejected': false,
  'Token.unavailable': false,
  'Authorization.denied': true,
  'Authorization.expired': true,
  'Authorization.invalid_response': true,
  'Authorization.invalid_id_token': true,
  'Authorization.subject_mismatch': true,
  'Authorization.superseded': true,
  'Authorization.lost': true,
  'Connection.not_found': true,
  'Connection.invalid': true,
  'Store.unavailable': false,
  'Store.key_unavailable': false,
  'Store.unreadable': true,
  'Api.unreachable': false,
  'Api.response_too_large': true,
  'Api.outcome_unknown': true,
  'Event.not_delivered': false,
  'Policy.origin_not_allowed': true,
  'Policy.network_not_allowed': true,
  'Policy.header_not_allowed': true,
  'Policy.caller_not_allowed': true,
  'Policy.secret_in_response': true,
  'Policy.secret_leak_blocked': true,
};

/** What the command line says beyond the table; it never enters Temporal. */
const COMMAND_TYPES = new Set(['Api.status', 'Command.invalid', 'Environment.invalid']);

describe('the failure table', () => {
  it('is what docs/failures.md says, row by row and to the letter', () => {
    const expected = ROWS.map(([type, { final, benign, message, fix }]) => {
      const kind = final ? 'final' : benign ? 'retried, expected' : 'retried';
      return `| \`${type}\` | ${kind} | ${message} | ${fix} |`;
    });
    const [table = ''] = PAGE.split('\n## ', 1);
    const written = table
      .split('\n')
      .filter((line) => /^\| `[A-Z][A-Za-z]+\.[a-z_]+` \|/.test(line));
    expect(written).toEqual(expected);
  });

  it.each(Object.entries(CONTRACT))(
    'has the %s that the contract promises (final: %s)',
    (type, final) => {
      expect(isFailureType(type)).toBe(true);
      expect(ROWS.find(([name]) => name === type)?.[1].final).toBe(final);
    },
  );

  it('has nothing beyond the contract but codes that an RFC defines', () => {
    const more = ROWS.filter(([type]) => !(type in CONTRACT));
    expect(more.filter(([, row]) => !row.final)).toEqual([]);
    const codes = more.map(([type]) => type.replace(/^OAuth\./, ''));
    expect(codes.filter((code) => !isOAuthErrorCode(code))).toEqual([]);
  });

  it('calls waiting alone expected, which is retried', () => {
    const benign = ROWS.filter(([, row]) => row.benign);
    expect(benign.map(([type, { final }]) => [type, final])).toEqual([
      ['Token.refresh_in_progress', false],
      ['Token.revocation_in_progress', false],
    ]);
  });

  it('says in whole sentences what happened and what to do', () => {
    for (const [, { message, fix }] of ROWS) {
      for (const text of [message, fix]) expect(text).toMatch(/^[\x21-\x7e][\x20-\x7e]*\.$/);
    }
  });

  it('holds every type that the source or the documentation names', () => {
    const named =
      /[`'"]((?:OAuth|Token|Authorization|Connection|Store|Api|Event|Policy)\.[a-z][a-z_]+)[`'"]/g;
    const texts = [PAGE, ...readSources().map(({ text }) => text)];
    const types = texts.flatMap((text) => [...text.matchAll(named)].map((match) => match[1] ?? ''));
    const unknown = types.filter((type) => !isFailureType(type) && !COMMAND_TYPES.has(type));
    expect([...new Set(unknown)]).toEqual([]);
    expect(types.length).toBeGreaterThan(100);
  });
});
