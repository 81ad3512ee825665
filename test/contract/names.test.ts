import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_TASK_QUEUE,
  ensureTokenUpdateId,
  isConnectionId,
  issueTaskQueue,
  lifecycleWorkflowId,
} from '../../src/contract/names.js';

describe('names in Temporal', () => {
  it('are those of the contract', () => {
    expect(DEFAULT_TASK_QUEUE).toBe('oauth-tokens');
    expect(issueTaskQueue('oauth-tokens')).toBe('oauth-tokens-issue');
    expect(lifecycleWorkflowId('superservice')).toBe('oauth-token/superservice');
  });
});

describe('a connectionId', () => {
  it.each(['a', 'A1', 'superservice', 'acme.eu-west_1', '0', 'x'.repeat(128)])(
    'may be %s',
    (id) => {
      expect(isConnectionId(id)).toBe(true);
    },
  );

  it.each([
    ...['', '.a', '-a', '_a', 'a/b', 'a b', 'a@b.example', 'ä', 'a\n', '$deployment'],
    ...['x'.repeat(129), null, undefined, 7, {}, ['a']],
  ])('may not be %j', (id) => {
    expect(isConnectionId(id)).toBe(false);
  });

  it('is never an e-mail address', () => {
    fc.assert(fc.property(fc.emailAddress(), (address) => !isConnectionId(address)));
  });
});

describe('the update id', () => {
  const key = { incarnation: 'aB3dE6gH', epoch: 2, generation: 17, failures: 3 };

  it('is `<incarnation>.<epoch>.<generation>.<failures>`', () => {
    expect(ensureTokenUpdateId(key)).toBe('aB3dE6gH.2.17.3');
  });

  it('of a follow-up question has its ten seconds behind it', () => {
    expect(ensureTokenUpdateId(key, 176_729_760)).toBe('aB3dE6gH.2.17.3~176729760');
  });

  it('is another one for every other record', () => {
    const part = fc.nat(1_000);
    const anyKey = fc.record({
      incarnation: fc.stringMatching(/^[A-Za-z0-9]{8}$/),
      ...{ epoch: part, generation: part, failures: part },
    });
    const text = (value: unknown) => JSON.stringify(value);
    fc.assert(
      fc.property(anyKey, anyKey, fc.option(part), fc.option(part), (a, b, first, second) => {
        const same = text([a, first]) === text([b, second]);
        const ids = [ensureTokenUpdateId(a, first ?? undefined)];
        ids.push(ensureTokenUpdateId(b, second ?? undefined));
        expect(ids[0] === ids[1]).toBe(same);
      }),
    );
  });
});
