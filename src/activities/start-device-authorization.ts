import { beginDeviceAuthorization } from '../authorizations/index.js';
import type {
  DeviceAuthorization,
  StartDeviceAuthorizationInput,
} from '../contract/consent-messages.js';
import { toFailure } from '../failures.js';
import type { IssueDependencies } from './dependencies.js';
import { withHeartbeats } from './heartbeats.js';

/**
 * Makes the activity that begins a device authorization (RFC 8628 §3.1). Safe to run twice: codes
 * that nobody enters expire.
 */
export function createStartDeviceAuthorization(dependencies: IssueDependencies) {
  return async function startDeviceAuthorization(
    input: StartDeviceAuthorizationInput,
  ): Promise<DeviceAuthorization> {
    const { connectionId, acceptNewSubject } = input;
    const { worker: startedBy } = dependencies;
    try {
      return await withHeartbeats(connectionId, () =>
        beginDeviceAuthorization(dependencies, { connectionId, acceptNewSubject, startedBy }),
      );
    } catch (error) {
      throw toFailure(error, { connectionId });
    }
  };
}
