import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { TokenEvent } from '../../src/contract/events.js';
import { signWebhook, verifyWebhook } from '../../src/events/index.js';
import { Secret } from '../../src/secret.js';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const NOW = Date.parse('2026-01-01T12:00:00.000Z');

const EVENT: TokenEvent = {
  specversion: '1.0',
  id: 'superservice/aB3dE6gH.1',
  source: '/temporal-oauth-tokens/default/oauth-tokens',
  type: 'token.at_risk',
  subject: 'superservice',
  time: new Date(NOW).toISOString(),
  datacontenttype: 'application/json',
  sequence: '0000000001',
  data: {
    ...{ connectionId: 'superservice', state: 'at_risk', epoch: 1, generation: 3 },
    failureType: 'OAuth.server_error',
  },
};
const body = JSON.stringify(EVENT);

function sent(secrets: string[] = [SECRET], at = NOW): Record<string, string> {
  const message = { id: EVENT.id, timestamp: at / 1_000, body };
  return {
    ...signWebhook(
      message,
      secrets.map((secret) => new Secret(secret)),
    ),
  };
}

const verified = (changes: Partial<Parameters<typeof verifyWebhook>[0]> = {}) =>
  verifyWebhook({ headers: sent(), body, secret: SECRET, now: NOW, ...changes });

describe('a webhook', () => {
  it('is signed as Standard Webhooks says', () => {
    const timestamp = NOW / 1_000;
    const signature = createHmac('sha256', Buffer.alloc(32, 7))
      .update(`${EVENT.id}.${timestamp}.${body}`)
      .digest('base64');
    expect(sent()).toEqual({
      'webhook-id': EVENT.id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': `v1,${signature}`,
    });
  });

  it('is verified and returned, from headers of either kind and a body of either kind', () => {
    expect(verified()).toEqual(EVENT);
    expect(verified({ headers: new Headers(sent()), body: Buffer.from(body) })).toEqual(EVENT);
  });

  it('is verified by either secret while they are exchanged', () => {
    const headers = sent([SECRET, OTHER]);
    expect(verified({ headers, secret: OTHER })).toEqual(EVENT);
    expect(verified({ headers: sent([OTHER]), secret: [SECRET, OTHER] })).toEqual(EVENT);
  });

  it.each<[string, Partial<Parameters<typeof verifyWebhook>[0]>, string]>([
    ['a changed body', { body: body.replace('at_risk', 'active') }, 'wrong_signature'],
    ['another id', { headers: { ...sent(), 'webhook-id': 'other' } }, 'wrong_signature'],
    ['another secret', { secret: OTHER }, 'wrong_signature'],
    [
      'another time',
      { headers: { ...sent(), 'webhook-timestamp': '1767268801' } },
      'wrong_signature',
    ],
    [
      'an empty signature',
      { headers: { ...sent(), 'webhook-signature': 'v1,' } },
      'wrong_signature',
    ],
    [
      'another version',
      {
        headers: {
          ...sent(),
          'webhook-signature': sent()['webhook-signature']?.replace('v1', 'v2'),
        },
      },
      'wrong_signature',
    ],
    ['no signature', { headers: { ...sent(), 'webhook-signature': undefined } }, 'missing_header'],
    ['an old sending', { now: NOW + 301_000 }, 'too_old'],
    ['one of the future', { now: NOW - 301_000 }, 'too_old'],
    ['a time that is none', { headers: { ...sent(), 'webhook-timestamp': 'soon' } }, 'too_old'],
  ])('is refused with %s', (_, changes, code) => {
    expect(() => verified(changes)).toThrow(expect.objectContaining({ code }) as Error);
  });

  it('takes as old a sending as its receiver says', () => {
    expect(verified({ now: NOW + 3_600_000, toleranceMs: 3_600_000 })).toEqual(EVENT);
  });

  it('says what a secret looks like, and not what was given', () => {
    expect(() => verified({ secret: 'hunter2' })).toThrow(/whsec_/);
    expect(() => verified({ secret: 'hunter2' })).not.toThrow(/hunter2/);
  });
});
