import { describe, expect, it } from 'vitest';
import type { KmsAdapter } from '../../src/index.js';
import { KMS_ADAPTER_RULES, checkKmsAdapter } from '../../src/testing/index.js';
import { createLocalKms } from '../support/local-kms.js';

type Broken = (good: KmsAdapter) => Partial<KmsAdapter>;
const stored = new Map<string, Uint8Array>();

/** An adapter that breaks one rule, by the rule's name. */
const BROKEN: [string, string, Broken][] = [
  ['has an id', 'no id', () => ({ id: '' })],
  [
    'unwraps what it wrapped',
    'a service that is away',
    () => ({ unwrap: () => Promise.reject(new Error('away')) }),
  ],
  [
    'wraps into plain bytes and a name',
    'text instead of bytes',
    (good) => ({
      wrap: async (key, aad) => {
        const { wrapped, keyRef } = await good.wrap(key, aad);
        return { keyRef, wrapped: Buffer.from(wrapped).toString('hex') as never };
      },
      unwrap: ({ wrapped, keyRef }, aad) =>
        good.unwrap({ keyRef, wrapped: Buffer.from(String(wrapped), 'hex') }, aad),
    }),
  ],
  [
    'survives being stored',
    'an object that it knows again',
    (good) => {
      const known = new WeakSet<Uint8Array>();
      return {
        wrap: async (key, aad) => {
          const made = await good.wrap(key, aad);
          known.add(made.wrapped);
          return made;
        },
        unwrap: (wrapped, aad) =>
          known.has(wrapped.wrapped) ? good.unwrap(wrapped, aad) : Promise.reject(new Error('?')),
      };
    },
  ],
  [
    'does not show the key',
    'the key beside what is wrapped',
    (good) => ({
      wrap: async (key, aad) => {
        const { wrapped, keyRef } = await good.wrap(key, aad);
        return { keyRef, wrapped: Buffer.concat([key, wrapped]) };
      },
      unwrap: ({ wrapped, keyRef }, aad) =>
        good.unwrap({ keyRef, wrapped: wrapped.subarray(32) }, aad),
    }),
  ],
  [
    'leaves the caller its arrays',
    'a key that is wiped for its caller',
    (good) => ({
      wrap: async (key, aad) => {
        const made = await good.wrap(Uint8Array.from(key), aad);
        // The first rules compare with the key afterwards.
        wraps += 1;
        if (wraps > 4) key.fill(0);
        return made;
      },
    }),
  ],
  [
    'gives a fresh array each time',
    'a cache',
    (good) => {
      const cache = new Map<string, Uint8Array>();
      return {
        unwrap: async (wrapped, aad) => {
          const at = Buffer.from(wrapped.wrapped).toString('hex') + JSON.stringify(aad);
          const known = cache.get(at) ?? (await good.unwrap(wrapped, aad));
          cache.set(at, known);
          return known;
        },
      };
    },
  ],
  [
    'takes the context in any order',
    'a context as it came',
    (good) => ({
      wrap: (key, aad) => good.wrap(key, { joined: JSON.stringify(aad) }),
      unwrap: (wrapped, aad) => good.unwrap(wrapped, { joined: JSON.stringify(aad) }),
    }),
  ],
  [
    'refuses another context',
    'no context',
    (good) => ({
      wrap: (key) => good.wrap(key, {}),
      unwrap: (wrapped) => good.unwrap(wrapped, {}),
    }),
  ],
  [
    'refuses another context',
    'values joined without care',
    (good) => {
      const joined = (aad: Readonly<Record<string, string>>) => ({
        joined: ['package', 'database', 'kid', 'purpose'].map((name) => aad[name]).join(''),
      });
      return {
        wrap: (key, aad) => good.wrap(key, joined(aad)),
        unwrap: (wrapped, aad) => good.unwrap(wrapped, joined(aad)),
      };
    },
  ],
  [
    'refuses changed bytes',
    'encryption without authentication',
    () => ({
      // Bound to the context by a table, not to its bytes.
      wrap: (key, aad) => {
        const mask = Uint8Array.from(key, (byte) => byte ^ 0x5a);
        const context = JSON.stringify(Object.entries(aad).sort());
        stored.set(context, mask);
        const wrapped = Buffer.concat([mask, Buffer.from(context)]);
        return Promise.resolve({ wrapped, keyRef: 'k' });
      },
      unwrap: ({ wrapped }, aad) => {
        const context = JSON.stringify(Object.entries(aad).sort());
        if (!stored.has(context)) return Promise.reject(new Error('context'));
        return Promise.resolve(Uint8Array.from(wrapped.subarray(0, 32), (byte) => byte ^ 0x5a));
      },
    }),
  ],
  [
    'refuses another keyRef',
    'keyRef ignored',
    (good) => ({
      unwrap: ({ wrapped }, aad) => good.unwrap({ wrapped, keyRef: 'local-key' }, aad),
    }),
  ],
  [
    'does not quote the key when it throws',
    'a message that is too helpful',
    (good) => {
      let last = '';
      return {
        wrap: (key, aad) => {
          last = Buffer.from(key).toString('base64');
          return good.wrap(key, aad);
        },
        unwrap: (wrapped, aad) =>
          good.unwrap(wrapped, aad).catch(() => Promise.reject(new Error(`not ${last}`))),
      };
    },
  ],
  [
    'works for several at once',
    'one request at a time',
    (good) => {
      let context: Readonly<Record<string, string>> = {};
      return {
        unwrap: async (wrapped, aad) => {
          context = aad;
          await Promise.resolve();
          return good.unwrap(wrapped, context);
        },
      };
    },
  ],
  [
    'generates keys that unwrap',
    'a key of 16 bytes',
    (good) => ({
      generate: async (aad) => {
        const key = new Uint8Array(16);
        return { key, ...(await good.wrap(key, aad)) };
      },
    }),
  ],
];
let wraps = 0;

describe('the check of a KMS adapter', () => {
  it('is passed by one that keeps the contract', async () => {
    await checkKmsAdapter(createLocalKms());
  });

  it.each(BROKEN)('names the rule "%s" for %s', async (rule, _what, broken) => {
    wraps = 0;
    const good = createLocalKms();
    const bound: KmsAdapter = {
      id: good.id,
      wrap: (key, aad) => good.wrap(key, aad),
      unwrap: (wrapped, aad) => good.unwrap(wrapped, aad),
    };
    const checked = checkKmsAdapter({ ...bound, ...broken(bound) });
    await expect(checked).rejects.toMatchObject({ name: 'KmsAdapterError', rule });
    await expect(checked).rejects.toThrow(new RegExp(`^${rule}: `));
  });

  it('has a broken adapter for each rule', () => {
    expect([...new Set(BROKEN.map(([rule]) => rule))]).toEqual([...KMS_ADAPTER_RULES]);
  });
});
