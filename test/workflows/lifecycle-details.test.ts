import { describe, expect, it } from 'vitest';
import { statusOf, type TokenRecord } from '../../src/contract/token-record.js';
import { lifecycleDetails } from '../../src/workflows/lifecycle-details.js';
import { failedRecord, newRecord, NOW, record } from '../contract/records.js';

function detailsOf(read: TokenRecord, refresh: 'on-demand' | 'ahead' = 'on-demand'): string {
  const status = statusOf(read, refresh);
  return lifecycleDetails({
    status,
    refresh,
    searchAttributes: false,
    slowServer: false,
    refreshInMs: null,
  });
}

describe('what people read about a run in the Temporal UI', () => {
  it('is a table of state, generation, expiry and next refresh', () => {
    expect(detailsOf(record()).split('\n')).toEqual([
      '| | |',
      '|---|---|',
      '| State | **active** |',
      '| Token | generation 3 (epoch 1) |',
      '| Expires | 2026-01-01T12:59:00.000Z |',
      '| Scope | `read write` |',
      '| Next refresh | when a caller needs it |',
    ]);
  });

  it('says when the lifecycle refreshes by itself', () => {
    expect(detailsOf(record(), 'ahead')).toContain('| Next refresh | 2026-01-01T12:54:00.000Z |');
  });

  it('says what failed, what to do, and where it goes on', () => {
    const details = detailsOf(failedRecord('OAuth.server_error'));
    expect(details).toContain('| Next refresh | retried: see Pending Activities |');
    expect(details).toContain('| What to do | Nothing: it is asked again. |');
    expect(details).toContain('| Last failure | `OAuth.server_error`, 2026-01-01T11:59:59.000Z |');
  });

  it('says why a token must not be used', () => {
    const invalid = { reason: 'rejected', at: NOW } as const;
    expect(detailsOf(record({ invalid }))).toContain('| Invalid | rejected, 2026-01-01T12:00:');
  });

  it('says that there is no token yet', () => {
    const details = detailsOf(newRecord());
    expect(details).toContain('| Token | none yet |');
    expect(details).not.toContain('Expires');
  });

  it('says what is not known of a token', () => {
    const details = detailsOf(record({ expiresAt: null, scope: null }));
    expect(details).toContain('| Expires | no lifetime known |');
    expect(details).toContain('| Scope | as the server decides |');
  });

  it('says that nothing happens before a put where nothing does', () => {
    const details = detailsOf({ ...failedRecord('OAuth.invalid_client'), state: 'blocked' });
    expect(details).toContain('| Next refresh | none before the next put |');
  });

  it('shows a scope as text, whatever the authorization server calls it', () => {
    const scope = '[here](https://evil.example) | **x** `code`';
    const row = detailsOf(record({ scope })).split('\n').at(-2);
    expect(row).toBe("| Scope | `[here](https://evil.example) \\| **x** 'code'` |");
  });

  it('says that the connection is gone', () => {
    const gone = {
      status: null,
      refresh: 'on-demand',
      searchAttributes: false,
      slowServer: false,
    } as const;
    expect(lifecycleDetails({ ...gone, refreshInMs: null })).toBe(
      'The connection does not exist any more.',
    );
  });
});
