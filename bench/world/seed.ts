import { randomBytes } from 'node:crypto';
import { refreshAheadMs } from '../../src/contract/freshness.js';
import {
  accessTokenContext,
  clientSecretContext,
  kidOf,
  newTokenDocument,
  prepareSealer,
  type ConnectionDocument,
  type SealedValue,
  type TokenDocument,
} from '../../src/store/index.js';
import type { BenchConnection, Deployment } from './deployment.js';

/** Connections whose documents are inserted as they would be after `put` and a first token. */
export interface SeedPlan {
  ids: string[];
  /** Of all of them. */
  connection: Omit<BenchConnection, 'connectionId'>;
  /** The access token of a connection. */
  token(index: number): string;
  /** How long ago it was issued, in milliseconds. */
  ageMs(index: number): number;
}

const BATCH = 1_000;
const CLIENT_SECRET = 'bench-client-secret';

/** Inserts connections and tokens directly: putting 100,000 one by one would take an hour. */
export async function seed(deployment: Deployment, plan: SeedPlan): Promise<void> {
  const { database } = deployment;
  const templateId = `template-${randomBytes(4).toString('hex')}`;
  await deployment.put({ ...plan.connection, refresh: 'on-demand', connectionId: templateId });
  const template = await database.connections.findOne({ _id: templateId });
  if (template === null) throw new Error('The template was not put.');
  await Promise.all([
    database.connections.deleteOne({ _id: templateId }),
    database.tokens.deleteOne({ _id: templateId }),
  ]);
  for (let start = 0; start < plan.ids.length; start += BATCH) {
    const ids = plan.ids.slice(start, start + BATCH);
    const documents = await Promise.all(
      ids.map((id, offset) =>
        documentsOf(deployment, template, { plan, id, index: start + offset }),
      ),
    );
    await database.connections.insertMany(documents.map(({ connection }) => connection));
    await database.tokens.insertMany(documents.map(({ token }) => token));
  }
}

async function documentsOf(
  { database, keys }: Deployment,
  template: ConnectionDocument,
  { plan, id, index }: { plan: SeedPlan; id: string; index: number },
): Promise<{ connection: ConnectionDocument; token: TokenDocument }> {
  const client = { ...template.client, clientId: id };
  const lifetime = { ...template.lifetime, refresh: plan.connection.refresh ?? 'on-demand' };
  const record = { ...template, connectionId: id, client, lifetime };
  const incarnation = randomBytes(6).toString('base64url');
  const place = { connectionId: id, incarnation, epoch: 1, generation: 1 };
  const [access, grant] = await Promise.all([
    prepareSealer(keys, 'access'),
    prepareSealer(keys, 'grant'),
  ]);
  const [sealedToken, clientSecret] = await Promise.all([
    access.seal(accessTokenContext(database, place), plan.token(index)),
    grant.seal(clientSecretContext(database, record), CLIENT_SECRET),
  ]);
  const lifetimeMs = (plan.connection.lifetimeS ?? 3_600) * 1_000;
  const issuedAt = Date.now() - plan.ageMs(index);
  const expiresAt = issuedAt + lifetimeMs;
  return {
    connection: { ...template, _id: id, client, lifetime, clientSecret, kids: kids(clientSecret) },
    token: {
      ...newTokenDocument(id, incarnation, null, null),
      ...{ generation: 1, access: sealedToken, kids: kids(sealedToken), lifetimeMs },
      ...{ tokenType: 'Bearer', scope: 'read', issuedAt: new Date(issuedAt) },
      expiresAt: new Date(expiresAt),
      refreshAfter: new Date(expiresAt - refreshAheadMs(lifetimeMs, Math.random())),
      lastOutcome: { at: new Date(issuedAt), outcome: 'issued', type: null },
    },
  };
}

const kids = (sealed: SealedValue): string[] => [kidOf(sealed) ?? ''];
