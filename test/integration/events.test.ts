/** What happens to a connection is told once, signed and without a secret, however often it takes. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { eventsSince } from '../../src/contract/events.js';
import { verifyWebhook, type TokenEvent } from '../../src/index.js';
import { readAnnounced, writeAnnounced } from '../../src/store/index.js';
import { expireToken, forceRefresh } from '../support/token-records.js';
import { CLIENT_SECRET, startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { livingGrant } from './grants-put-anew.js';
import { startRecordingServer, type Recorded, type RecordingServer } from './recording-server.js';
import { secretsIn, textsIn } from './secret-search.js';

const SECRET = `whsec_${randomBytes(32).toString('base64')}`;
const OWN_ACTIVITY = 'onTokenEvent';
const DAY = 24 * 3_600_000;

let system: TokenSystem;
let receiver: RecordingServer;
let own: { events: TokenEvent[]; stop: () => Promise<void> };
/** Status codes the receiver answers with first, for each connection. */
const refusals = new Map<string, number[]>();

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
  receiver = await startRecordingServer(({ body }, response) => {
    const { subject } = JSON.parse(body.toString()) as TokenEvent;
    const status = refusals.get(subject)?.shift() ?? 204;
    response.writeHead(status, status === 503 ? { 'retry-after': '1' } : {}).end();
  });
  own = await ownActivity(`${system.taskQueue}-own`);
  const secretFile = join(inject('scratch'), `webhook-${system.id}`);
  await writeFile(secretFile, `${SECRET}\n`, { mode: 0o600 });
  const webhook = { url: `${receiver.origin}/hooks?of=tokens`, secretFile };
  const activity = { name: OWN_ACTIVITY, taskQueue: `${system.taskQueue}-own` };
  await system.startWorker({ events: { webhook, activity } });
});
afterAll(async () => {
  await system.close();
  await own.stop();
  await receiver.stop();
});

/** An activity of one's own on a worker of one's own. */
async function ownActivity(taskQueue: string) {
  const events: TokenEvent[] = [];
  const connection = await NativeConnection.connect({ address: system.address });
  const worker = await Worker.create({
    ...{ connection, taskQueue },
    activities: {
      [OWN_ACTIVITY]: (event: TokenEvent) => Promise.resolve(void events.push(event)),
    },
  });
  const running = worker.run();
  const stop = async (): Promise<void> => {
    worker.shutdown();
    await running;
    await connection.close();
  };
  return { events, stop };
}

const bodyOf = ({ body }: Recorded): TokenEvent => JSON.parse(body.toString()) as TokenEvent;

/** What the webhook was told of a connection and took, in the order of the events. */
const told = (connectionId: string): string[] => {
  const events = receiver.received.map(bodyOf).filter(({ subject }) => subject === connectionId);
  const each = new Map(events.map((event) => [event.id, event]));
  const inOrder = [...each.values()].sort((a, b) => a.sequence.localeCompare(b.sequence));
  return inOrder.map(({ type }) => type);
};

const becomesTold = (connectionId: string, types: string[]): Promise<void> =>
  expect.poll(() => told(connectionId), { timeout: 30_000 }).toEqual(types);

const kill = async (connectionId: string): Promise<void> => {
  system.authorizationServer.revokeAllGrants();
  await forceRefresh(system, connectionId);
};

it('tells that a person is needed, and that all is well again', async () => {
  const { connectionId, consent } = await livingGrant(system, 'person');
  const tokens = system.source();
  await tokens.getAccessToken(connectionId);
  await kill(connectionId);
  await becomesTold(connectionId, ['token.reauthorization_required']);
  await consent();
  await system.source().getAccessToken(connectionId);
  await becomesTold(connectionId, [
    'token.reauthorization_required',
    'connection.authorized',
    'token.recovered',
  ]);
  const [event] = receiver.received.map(bodyOf).filter(({ subject }) => subject === connectionId);
  expect(event).toMatchObject({
    specversion: '1.0',
    source: `/temporal-oauth-tokens/default/${system.taskQueue}`,
    datacontenttype: 'application/json',
    data: { epoch: 1, generation: 1, failureType: 'OAuth.invalid_grant' },
  });
});

it('delivers an event under one id until its receiver takes it, signed anew each time', async () => {
  const { connectionId } = await livingGrant(system, 'refused');
  await system.source().getAccessToken(connectionId);
  refusals.set(connectionId, [503, 500]);
  await kill(connectionId);
  const received = () =>
    receiver.received.filter((request) => bodyOf(request).subject === connectionId);
  await expect.poll(() => received().length, { timeout: 40_000 }).toBe(3);
  for (const { headers, body, method, path } of received()) {
    expect({ method, path }).toEqual({ method: 'POST', path: '/hooks?of=tokens' });
    expect(headers['content-type']).toBe('application/cloudevents+json; charset=utf-8');
    const plain = headers as Record<string, string>;
    expect(verifyWebhook({ headers: plain, body, secret: SECRET })).toMatchObject({
      type: 'token.reauthorization_required',
      subject: connectionId,
    });
    expect(headers['webhook-id']).toBe(bodyOf(received()[0] as Recorded).id);
  }
  const stamps = received().map(({ headers }) => headers['webhook-timestamp']);
  expect(new Set(stamps).size).toBeGreaterThan(1);
  // Taken once, it is not sent again.
  const workflowId = `oauth-event/${String(received()[0]?.headers['webhook-id'])}`;
  const handle = system.client.workflow.getHandle(workflowId);
  await handle.result();
  expect(received()).toHaveLength(3);
  expect(told(connectionId)).toEqual(['token.reauthorization_required']);
});

it('tells of a risk and its end, and gives each event to the activity of one’s own too', async () => {
  const { connectionId } = await livingGrant(system, 'risk');
  await system.source().getAccessToken(connectionId);
  const { hooks } = system.authorizationServer;
  hooks.onTokenRequest = () => Promise.resolve({ status: 503, body: '' });
  await expireToken(system, connectionId);
  await forceRefresh(system, connectionId);
  await becomesTold(connectionId, ['token.at_risk']);
  hooks.onTokenRequest = null;
  await becomesTold(connectionId, ['token.at_risk', 'token.recovered']);
  const given = () => own.events.filter(({ subject }) => subject === connectionId);
  await expect
    .poll(
      () =>
        given()
          .map(({ type }) => type)
          .sort(),
      { timeout: 20_000 },
    )
    .toEqual(['token.at_risk', 'token.recovered']);
  const posted = receiver.received.map(bodyOf).filter(({ subject }) => subject === connectionId);
  expect(posted).toEqual(expect.arrayContaining(given()));
});

it('tells the end of a refresh token ahead, and a revocation', async () => {
  const { connectionId } = await livingGrant(system, 'ending');
  await system.source().getAccessToken(connectionId);
  const refreshTokenExpiresAt = new Date(Date.now() + 6 * DAY);
  const ends = { refreshTokenExpiresAt, refreshTokenLifetimeMs: 90 * DAY };
  await system.database.tokens.updateOne({ _id: connectionId }, { $set: ends });
  // Any look finds it; a lifecycle that is told to look looks.
  const lifecycle = system.client.workflow.getHandle(`oauth-token/${connectionId}`);
  await lifecycle.executeUpdate('configure', { args: [{}] });
  await becomesTold(connectionId, ['refresh_token.expiring']);
  await lifecycle.executeUpdate('configure', { args: [{}] });
  await lifecycle.executeUpdate('revoke', { args: [{}] });
  await becomesTold(connectionId, ['refresh_token.expiring', 'connection.revoked']);
  const posted = receiver.received.map(bodyOf).filter(({ subject }) => subject === connectionId);
  expect(posted[0]?.data).toMatchObject({
    daysAhead: 7,
    refreshTokenExpiresAt: refreshTokenExpiresAt.toISOString(),
  });
});

it('finds by index what nobody announced, when a worker starts', async () => {
  const other = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
  const dead = await livingGrant(other, 'lost');
  const ending = await livingGrant(other, 'end-near');
  const begun = await livingGrant(other, 'begun');
  const { tokens } = other.database;
  await tokens.updateOne(
    { _id: dead.connectionId },
    { $set: { state: 'reauthorization_required' } },
  );
  const end = {
    refreshTokenExpiresAt: new Date(Date.now() + DAY / 2),
    refreshTokenLifetimeMs: null,
  };
  await tokens.updateOne({ _id: ending.connectionId }, { $set: end });
  // A crash between writing an event down and delivering it.
  const { incarnation } = (await tokens.findOne({ _id: begun.connectionId })) ?? {};
  const time = new Date().toISOString();
  const data = { connectionId: begun.connectionId, state: 'revoked' as const, epoch: 1 };
  await tokens.updateOne(
    { _id: begun.connectionId },
    {
      $set: {
        'announced.seq': 3,
        'announced.pending': [
          {
            ...{ seq: 3, type: 'connection.revoked' as const, time },
            data: { ...data, generation: 1, failureType: null },
          },
        ],
      },
    },
  );
  const secretFile = join(inject('scratch'), `webhook-${other.id}`);
  await writeFile(secretFile, SECRET);
  await other.startWorker({ events: { webhook: { url: receiver.origin, secretFile } } });
  await becomesTold(dead.connectionId, ['token.reauthorization_required']);
  await becomesTold(ending.connectionId, ['refresh_token.expiring']);
  await becomesTold(begun.connectionId, ['connection.revoked']);
  const id = receiver.received
    .map(bodyOf)
    .find(({ subject }) => subject === begun.connectionId)?.id;
  expect(id).toBe(`${begun.connectionId}/${incarnation}.3`);
  await expect
    .poll(async () => (await tokens.findOne({ _id: begun.connectionId }))?.announced?.pending)
    .toBeUndefined();
  await other.close();
});

it('does not tell a state that has gone by while it was written down', async () => {
  const { connectionId } = await livingGrant(system, 'moved');
  const { tokens } = system.database;
  const setState = (state: 'active' | 'at_risk') =>
    tokens.updateOne({ _id: connectionId }, { $set: { state } });
  await setState('at_risk');
  const read = await readAnnounced(system.database, connectionId);
  if (read === null) throw new Error('no record');
  const since = eventsSince(read.announced, read.record);
  expect(since.events).toHaveLength(1);
  await setState('active');
  expect(await writeAnnounced(system.database, read, since)).toBe(false);
  await setState('at_risk');
  // Two who announce at once: one of them does.
  const both = [1, 2].map(() => writeAnnounced(system.database, read, since));
  expect((await Promise.all(both)).sort()).toEqual([false, true]);
});

it('starts no workflow and writes nothing where nobody is told', async () => {
  const silent = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
  await silent.startWorker();
  const { connectionId } = await livingGrant(silent, 'silent');
  await silent.source().getAccessToken(connectionId);
  silent.authorizationServer.revokeAllGrants();
  await forceRefresh(silent, connectionId);
  await sleep(500);
  const { announced } = (await silent.database.tokens.findOne({ _id: connectionId })) ?? {};
  expect(announced).toMatchObject({ seq: 0 });
  const lifecycle = silent.client.workflow.getHandle(`oauth-token/${connectionId}`);
  const history = textsIn(await lifecycle.fetchHistory());
  expect(history).toContain('readLifecycle');
  expect(history).not.toContain('announceEvents');
  await silent.close();
});

it('says no secret, in no event and in no history of a delivery', async () => {
  const secrets = [
    CLIENT_SECRET,
    SECRET,
    SECRET.slice(6),
    ...system.authorizationServer.everIssued(),
  ];
  expect(secrets.length).toBeGreaterThan(6);
  expect(secretsIn(textsIn(receiver.received.map(bodyOf)), secrets)).toEqual([]);
  expect(secretsIn(textsIn(own.events), secrets)).toEqual([]);
  const query = `TaskQueue="${system.taskQueue}" AND WorkflowType="deliverEvent"`;
  const { workflow } = system.client;
  await expect.poll(async () => (await workflow.count(query)).count).toBeGreaterThan(5);
  for await (const { workflowId } of workflow.list({ query })) {
    const history = textsIn(await workflow.getHandle(workflowId).fetchHistory());
    expect(secretsIn(history, secrets)).toEqual([]);
    expect(history).not.toContain(receiver.origin);
  }
});
