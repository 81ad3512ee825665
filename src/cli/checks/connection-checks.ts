import { deadDecision } from '../../contract/decide-caller.js';
import { FAILURES, isFailureType } from '../../contract/failure-types.js';
import {
  openClientSecret,
  openSealed,
  readConnection,
  readTokenWithGrant,
  accessTokenContext,
  refreshTokenContext,
  type ReadConnection,
} from '../../store/index.js';
import type { CliContext } from '../context.js';
import { bad, good, runCheck, type Check, type Finding } from './check.js';
import { findEndpoint } from './endpoint-check.js';

/** One connection: its record, its secrets, its token endpoint, its token. */
export function connectionChecks(context: CliContext, connectionId: string): Promise<Check>[] {
  const mongodb = 'See the check of mongodb.';
  const read = async (): Promise<ReadConnection> => {
    const found = await readConnection(await context.database(), connectionId);
    if (found === null) throw new Error('none');
    return found;
  };
  const known = read().catch(() => null);
  const on = (find: (found: ReadConnection) => Promise<Finding>) => async (): Promise<Finding> => {
    const found = await known;
    return found === null
      ? bad('Not checked: the connection cannot be read.', 'See the check of connection.')
      : find(found);
  };
  return [
    runCheck('connection', mongodb, () => findConnection(context, connectionId)),
    runCheck(
      'secrets',
      'Bring the key back, or put the connection again with its secrets.',
      on((found) => findSecrets(context, found)),
    ),
    runCheck(
      'token_endpoint',
      'Check the token endpoint and the network between it and this machine.',
      on(async ({ connection }) =>
        findEndpoint(await context.network(), connection.authorizationServer.tokenEndpoint),
      ),
    ),
    runCheck('token', mongodb, () => findToken(context, connectionId)),
  ];
}

async function findConnection(context: CliContext, connectionId: string): Promise<Finding> {
  const found = await readConnection(await context.database(), connectionId);
  if (found === null) {
    const { message, fix } = FAILURES['Connection.not_found'];
    return bad(message, fix);
  }
  const { revision, updatedAt, updatedBy } = found.connection;
  return good(`Registered: revision ${revision}, put at ${updatedAt} by ${updatedBy}.`);
}

async function findSecrets(context: CliContext, found: ReadConnection): Promise<Finding> {
  const { connectionId } = found.connection;
  const [database, keys] = await Promise.all([context.database(), context.keys()]);
  await openClientSecret(database, keys, found);
  const token = await readTokenWithGrant(database, connectionId);
  if (token === null) {
    return bad('The token record is missing.', 'Put the connection again with its secrets.');
  }
  const { record, access, grant } = token;
  if (access !== null) {
    await openSealed(keys, access, accessTokenContext(database, record));
  }
  if (grant !== null) {
    await openSealed(keys, grant, refreshTokenContext(database, record, found.connection));
  }
  return good('Everything sealed opens.');
}

async function findToken(context: CliContext, connectionId: string): Promise<Finding> {
  const read = await readTokenWithGrant(await context.database(), connectionId);
  if (read === null) return bad('There is no token record.', 'Put the connection again.');
  const { record } = read;
  const dead = deadDecision(record);
  const where = `epoch ${record.epoch}, generation ${record.generation}`;
  if (dead !== null) {
    const row = isFailureType(dead.type) ? FAILURES[dead.type] : FAILURES['OAuth.other'];
    return bad(`State ${record.state} (${dead.type}), ${where}: ${row.message}`, row.fix);
  }
  const type = record.failures > 0 ? (record.lastOutcome?.type ?? null) : null;
  if (type !== null && isFailureType(type)) {
    const { message, fix } = FAILURES[type];
    return bad(`State ${record.state}, ${where}; the last token request failed: ${message}`, fix);
  }
  return good(
    record.generation === 0
      ? 'Nothing is issued yet; the first caller has a token issued.'
      : `State ${record.state}, ${where}.`,
  );
}
