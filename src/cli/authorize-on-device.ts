import { beginDeviceAuthorization } from '../authorizations/index.js';
import type { StoredConnection } from '../contract/connection-record.js';
import type { AuthorizeOptions, AuthorizeTarget } from './authorize-parts.js';
import { atMost } from './redemption-wait.js';

/**
 * Shows the person what to enter where, and has the answer asked for.
 *
 * @returns the id of the authorization
 * @see https://www.rfc-editor.org/rfc/rfc8628.html#section-3.3
 */
export async function authorizeOnDevice(
  { parts, redemptions, cli, startedBy }: AuthorizeTarget,
  { connectionId }: StoredConnection,
  { acceptNewSubject = false, deadline }: AuthorizeOptions & { deadline: number },
): Promise<string> {
  const device = await beginDeviceAuthorization(parts, {
    ...{ connectionId, acceptNewSubject, startedBy },
  });
  const { authorizationId, userCode, verificationUri, verificationUriComplete } = device;
  await redemptions.start({ connectionId, authorizationId });
  const direct = verificationUriComplete === null ? '' : `, or open ${verificationUriComplete}`;
  cli.io.stderr.write(
    `Open ${verificationUri} on any device and enter the code ${userCode}${direct}\n` +
      `Waiting for the answer, ${atMost(deadline)}; the code ends at ${device.expiresAt}…\n`,
  );
  return authorizationId;
}
