import { describe, expect, it } from 'vitest';
import { nextPlace, staleKeys, type ResealCursor } from '../../src/contract/key-rotation.js';

const key = (
  kid: string,
  state: 'created' | 'active' | 'open-only' = 'open-only',
  activeFrom?: string,
) => ({ kid, purpose: kid.startsWith('a') ? 'access' : 'grant', state, activeFrom });

describe('the keys to take values from', () => {
  const active = { access: 'a2', grant: 'g2' };

  it('are those of a purpose that are older than the one that seals', () => {
    const keys = [
      ...[
        key('a1', 'open-only', '2026-01-01T00:00:00Z'),
        key('a2', 'active', '2026-02-01T00:00:00Z'),
      ],
      ...[
        key('a3', 'created', '2026-03-01T00:00:00Z'),
        key('g1', 'open-only', '2026-01-01T00:00:00Z'),
      ],
      key('g2', 'active', '2026-02-01T00:00:00Z'),
    ];
    expect(staleKeys(keys, active)).toEqual(['a1', 'g1']);
  });

  it('are never newer ones, though a key file or a clock is behind: two rotations would undo each other', () => {
    const keys = [
      key('a2', 'open-only', '2026-02-01T00:00:00Z'),
      key('a3', 'active', '2026-03-01T00:00:00Z'),
    ];
    expect(staleKeys(keys, active)).toEqual([]);
  });

  it('are told by their state where a provider gives no times', () => {
    const keys = [key('a1'), key('a2', 'active'), key('a3', 'created'), key('g2', 'active')];
    expect(staleKeys(keys, active)).toEqual(['a1']);
  });

  it('are none of another purpose', () => {
    const keys = [key('a2', 'active'), key('g2', 'active'), { ...key('x'), purpose: 'other' }];
    expect(staleKeys(keys, active)).toEqual([]);
  });
});

describe('a pass over the records', () => {
  it('takes each key in both collections, and ends', () => {
    const places: ResealCursor[] = [];
    for (let at = nextPlace(['a', 'b'], null); at !== null; at = nextPlace(['a', 'b'], at)) {
      places.push(at);
    }
    expect(places.map(({ kid, collection, after }) => [kid, collection, after])).toEqual([
      ...[
        ['a', 'connections', null],
        ['a', 'tokens', null],
      ],
      ...[
        ['b', 'connections', null],
        ['b', 'tokens', null],
      ],
    ]);
    expect(nextPlace([], null)).toBeNull();
  });
});
