/** Connections whose grant is put anew, as a person's consent would, for the tests about waiting for it. */
import { expect } from 'vitest';
import type { PutResult } from '../../src/connections/index.js';
import { CLIENT_ID, CLIENT_SECRET, type TokenSystem } from '../support/token-system.js';

/** A connection, and what starts its next epoch. */
export interface GrantPutAnew {
  connectionId: string;
  consent: () => Promise<PutResult>;
}

/** A connection that works. */
export async function livingGrant(
  system: TokenSystem,
  name: string,
  changes: Record<string, unknown> = {},
): Promise<GrantPutAnew> {
  const file = system.connectionFile(name, {
    grant: { grantType: 'refresh_token', refreshToken: { env: 'REFRESH_TOKEN' } },
    ...changes,
  });
  const consent = async (): Promise<PutResult> => {
    const person = { clientId: CLIENT_ID, accountId: 'account-1', scope: 'things:read' };
    const REFRESH_TOKEN = await system.authorizationServer.mintRefreshToken(person);
    return system.put(file, { CLIENT_SECRET, REFRESH_TOKEN });
  };
  await consent();
  return { connectionId: file.connectionId, consent };
}

/** A connection whose grant the authorization server has refused. */
export async function deadGrant(system: TokenSystem, name: string): Promise<GrantPutAnew> {
  const made = await livingGrant(system, name);
  const { matchedCount } = await system.database.tokens.updateOne(
    { _id: made.connectionId },
    { $set: { state: 'reauthorization_required' } },
  );
  expect(matchedCount).toBe(1);
  return made;
}
