/** An application's process: calls an API until told to end, and prints a line for each call. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { createTokenSource } from '../../../src/index.js';

const variable = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set.`);
  return value;
};

const connection = await Connection.connect({ address: variable('TEMPORAL_ADDRESS') });
const tokens = createTokenSource({
  mongodb: variable('MONGODB_URI'),
  keys: variable('OAUTH_TOKENS_KEYS_FILE'),
  client: new Client({ connection }),
  network: 'loopback',
});
const connectionId = variable('CONNECTION_ID');
const url = variable('API_URL');

let stopping = false;
process.on('SIGTERM', () => (stopping = true));
while (!stopping) {
  const { generation, expiresAt } = await tokens.getAccessToken(connectionId);
  const { status } = await tokens.fetch(connectionId, url);
  const now = new Date().toISOString();
  process.stdout.write(`${JSON.stringify({ generation, expiresAt, status, now })}\n`);
  await sleep(25);
}
await tokens.close();
await connection.close();
