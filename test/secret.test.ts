import { format, inspect } from 'node:util';
import { defaultPayloadConverter } from '@temporalio/common';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '../src/secret.js';

const TEXT = 'planted-secret-4f9c2e81d7';

describe('a secret', () => {
  const secret = new Secret(TEXT);

  it('reveals its text to whoever asks for it', () => {
    expect(secret.reveal()).toBe(TEXT);
  });

  it('prints as [redacted] wherever it is printed', () => {
    expect(String(secret)).toBe('[redacted]');
    expect(inspect(secret)).toBe('[redacted]');
    expect(inspect({ deep: [{ secret }] }, { depth: 9, showHidden: true })).not.toContain(TEXT);
    expect(format('%s %o %j', secret, secret, { no: 1 })).not.toContain(TEXT);
    expect(Object.values(secret)).toEqual([]);
  });

  it('refuses to become JSON, alone and inside something else', () => {
    expect(() => JSON.stringify(secret)).toThrow(TypeError);
    expect(() => JSON.stringify({ token: [secret] })).toThrow(/reveal\(\)/);
  });

  it('refuses to become a Temporal payload, and its complaint does not tell it', () => {
    const convert = () => defaultPayloadConverter.toPayload({ token: secret });
    expect(convert).toThrow();
    try {
      convert();
    } catch (error) {
      expect(inspect(error, { depth: 9 })).not.toContain(TEXT);
    }
  });

  it('tells no text at all by a copy, a spread or a comparison', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{12,40}$/), (text) => {
        const some = new Secret(text);
        const copies = [{ ...some }, structuredClone(some), Object.assign({}, some)];
        expect(inspect(copies, { depth: 9, showHidden: true })).not.toContain(text);
        expect(String(some) === String(new Secret('other'))).toBe(true);
      }),
    );
  });
});
