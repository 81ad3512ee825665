import type { Secret } from '../../secret.js';
import { OAuthRequestError } from '../errors.js';

/** The grant type on the wire. */
const DEVICE_CODE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

/**
 * A device code, to be sent again and again until its person has answered: `authorization_pending`
 * and `slow_down` ask to come again later, `access_denied` and `expired_token` are ends.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8628.html#section-3.4
 */
export interface DeviceCodeGrant {
  readonly grantType: 'device_code';
  readonly deviceCode: Secret;
  /** Further body parameters, such as `audience` or `resource`; none of the protocol's own. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * The grant's own body parameters, the device code among them.
 *
 * @throws OAuthRequestError `code_missing` when the device code is empty.
 */
export function deviceCodeParameters(grant: DeviceCodeGrant): [string, string][] {
  const deviceCode = grant.deviceCode.reveal();
  if (deviceCode === '') throw new OAuthRequestError('code_missing', 'The device code is empty.');
  return [
    ['grant_type', DEVICE_CODE_GRANT],
    ['device_code', deviceCode],
  ];
}
