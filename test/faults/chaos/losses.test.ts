import { describe, expect, it } from 'vitest';
import { kindOfLoss } from './losses.js';

const received = { delivered: true, asker: 'alive' } as const;
const lost = { delivered: false, asker: 'alive' } as const;

describe('a grant that is dead at the end', () => {
  it('could not be kept when its newest token reached no process that lived to keep it', () => {
    const exchanges = [lost, { ...received, asker: 'killed' }, { ...received, asker: 'stopped' }];
    const kinds = exchanges.map((exchange) =>
      kindOfLoss({ rotates: true, exchange: exchange as typeof received, lives: false }),
    );
    expect(kinds).toEqual([
      { kind: 'unavoidable', cause: 'answer_lost' },
      { kind: 'unavoidable', cause: 'worker_killed' },
      { kind: 'unavoidable', cause: 'worker_stood_still' },
    ]);
  });

  it('could have been kept when a living process had received its newest token', () => {
    const facts = { rotates: true, exchange: received };
    expect(kindOfLoss({ ...facts, lives: false }).kind).toBe('avoidable');
    expect(kindOfLoss({ ...facts, lives: true }).kind).toBe('false_death');
    expect(kindOfLoss({ rotates: true, exchange: undefined, lives: false }).kind).toBe('avoidable');
  });

  it('is never to be lost where refresh tokens stay valid', () => {
    expect(kindOfLoss({ rotates: false, exchange: lost, lives: true }).kind).toBe('false_death');
  });
});
