import { describe, expect, it } from 'vitest';
import {
  asksForConsent,
  needsPerson,
  refreshScope,
  type GrantType,
} from '../../src/contract/grant-type.js';

describe('a grant type', () => {
  it.each<[GrantType, boolean, boolean]>([
    ['client_credentials', false, false],
    ['refresh_token', true, false],
    ['authorization_code', true, true],
    ['device_code', true, true],
  ])('%s: lost, it needs a person: %s; the package asks for consent: %s', (type, needs, asks) => {
    expect(needsPerson(type)).toBe(needs);
    expect(asksForConsent(type)).toBe(asks);
  });

  it('of a person refreshes all that was granted (RFC 6749 §6), an imported one what it says', () => {
    const scope = 'read write';
    expect(refreshScope({ grantType: 'authorization_code', scope })).toBeNull();
    expect(refreshScope({ grantType: 'device_code', scope })).toBeNull();
    expect(refreshScope({ grantType: 'client_credentials', scope })).toBeNull();
    expect(refreshScope({ grantType: 'refresh_token', scope })).toBe(scope);
  });
});
