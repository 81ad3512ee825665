import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSecretsIn, searchForSecrets } from '../../src/testing/index.js';

const SECRET = 'marked/secret+123456';
const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** A history as it is fetched, with bytes, or as it is exported, with base64. */
function historyWith(data: unknown, exported = false) {
  const bytes = bytesOf(data);
  const payload = { data: exported ? Buffer.from(bytes).toString('base64') : bytes };
  return {
    events: [
      { eventId: '1', workflowExecutionStartedEventAttributes: { workflowType: { name: 'mine' } } },
      { eventId: '7', activityTaskCompletedEventAttributes: { result: { payloads: [payload] } } },
    ],
  };
}

describe('searchForSecrets', () => {
  it.each([
    ['its name', { [SECRET]: 1 }, SECRET],
    ['a member', { deep: [{ text: `x${SECRET}` }] }, 'deep[0].text'],
    ['bytes', { data: Buffer.from(`<${SECRET}>`) }, 'data'],
    ['a map', new Map([['a', { b: SECRET }]]), 'a.b'],
    ['a set', new Set([SECRET]), '[0]'],
    ['the cause of an error', new Error('outer', { cause: new Error(SECRET) }), 'cause.message'],
    ['a text', SECRET, ''],
  ])('says that it stands in %s', (_where, value, path) => {
    expect(searchForSecrets(value, ['other', SECRET])).toContainEqual({ secret: 1, path });
  });

  it('follows a circle once', () => {
    const value: Record<string, unknown> = { text: SECRET };
    value['self'] = value;
    expect(searchForSecrets(value, [SECRET])).toEqual([{ secret: 0, path: 'text' }]);
  });

  it('finds any secret in any base64, UTF-16 and URL that it is part of', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 6, maxLength: 30 });
    fc.assert(
      fc.property(text, fc.string(), fc.string(), (secret, before, after) => {
        const around = `${before}${secret}${after}`;
        const forms = [
          around,
          Buffer.from(around).toString('base64'),
          Buffer.from(around).toString('base64url'),
          Buffer.from(around, 'utf16le').toString('base64'),
          Buffer.from(around).toString('hex'),
        ];
        for (const form of forms) expect(searchForSecrets(form, [secret])).toHaveLength(1);
      }),
    );
  });

  it.each([[[]], [['']], [['a', '']]])('refuses to search for nothing: %j', (secrets) => {
    expect(() => searchForSecrets('text', secrets)).toThrow(TypeError);
  });
});

describe('expectNoSecretsIn', () => {
  it.each([false, true])('is silent about a history without secrets (exported: %s)', (exported) => {
    expect(() => expectNoSecretsIn(historyWith('fine', exported), [SECRET])).not.toThrow();
  });

  it.each([
    ['as it is', SECRET],
    ['deep inside', { body: JSON.stringify({ a: [`Bearer ${SECRET}`] }) }],
    ['in a URL', `https://api.example/?t=${encodeURIComponent(SECRET)}`],
    ['in base64', btoa(`id:${SECRET}`)],
  ])('names the event and the member, never the secret: %s', (_how, data) => {
    for (const exported of [false, true]) {
      const check = () => expectNoSecretsIn(historyWith(data, exported), ['other', SECRET]);
      expect(check).toThrow(
        'Event 7 holds secret 2 of 2 at activityTaskCompletedEventAttributes.result.payloads[0].data.',
      );
      expect(check).not.toThrow(new RegExp(SECRET.replace('+', '\\+')));
    }
  });

  it('does not take a history without events for a clean one', () => {
    for (const history of [{}, { events: null }, { events: [] }]) {
      expect(() => expectNoSecretsIn(history, [SECRET])).toThrow(TypeError);
    }
  });

  it('takes little time for a long history', () => {
    const events = Array.from({ length: 2_000 }, () => historyWith({ n: 1 }).events[1] ?? {});
    const secrets = Array.from({ length: 50 }, () => randomBytes(24).toString('base64url'));
    const startedAt = performance.now();
    expectNoSecretsIn({ events }, secrets);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
