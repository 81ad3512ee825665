/** An application with a payload codec of its own disturbs nobody (design §5). */
import type { Payload } from '@temporalio/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { textsIn } from './secret-search.js';
import { startApplication, type Application } from './application.js';

const ENCODING = 'binary/upside-down';

/** Encrypts, for the purpose of this test. */
const codec = {
  encode: (payloads: Payload[]) =>
    Promise.resolve(
      payloads.map((payload) => ({
        metadata: { encoding: Buffer.from(ENCODING) },
        data: turned(Buffer.from(JSON.stringify(textsOf(payload)))),
      })),
    ),
  decode: (payloads: Payload[]) =>
    Promise.resolve(
      payloads.map((payload) => {
        const text = Buffer.from(turned(payload.data ?? Buffer.alloc(0))).toString();
        const { encoding, data } = JSON.parse(text) as ReturnType<typeof textsOf>;
        return {
          metadata: { encoding: Buffer.from(encoding, 'latin1') },
          data: Buffer.from(data, 'latin1'),
        };
      }),
    ),
};
const textsOf = ({ metadata, data }: Payload) => ({
  encoding: Buffer.from(metadata?.['encoding'] ?? []).toString('latin1'),
  data: Buffer.from(data ?? []).toString('latin1'),
});
const turned = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 0xff);

let system: TokenSystem;
const applications: Application[] = [];

beforeAll(async () => {
  system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
  await system.startWorker();
});
afterAll(async () => {
  for (const application of applications) await application.stop();
  await system.close();
});

/** An application whose activity gets its tokens in process, over its own worker's connection. */
async function start(name: string, coded: boolean): Promise<Application> {
  const tokens = system.source({ client: undefined });
  const url = `${system.api.origin}/v1/things`;
  const application = await startApplication(system, {
    name,
    ...(coded ? { dataConverter: { payloadCodecs: [codec] } } : {}),
    activities: {
      async callTheApi({ connectionId, refused }: { connectionId: string; refused?: number }) {
        const token = await tokens.getAccessToken(connectionId, { rejectedGeneration: refused });
        return {
          status: (await tokens.fetch(connectionId, url)).status,
          generation: token.generation,
        };
      },
    },
  });
  applications.push(application);
  return application;
}

async function textsOfRun(workflowId: string): Promise<string> {
  return textsIn(await system.client.workflow.getHandle(workflowId).fetchHistory());
}

it('works beside a plain application on one connection, and the lifecycle stays readable', async () => {
  const { connectionId } = await putOne('codec');
  const [coded, plain] = [await start('coded', true), await start('plain', false)];
  // The coded application starts the lifecycle.
  const first = await coded.call('callTheApi', [{ connectionId }], { own: true });
  expect(first).toEqual({ status: 200, generation: 1 });
  expect(await plain.call('callTheApi', [{ connectionId }], { own: true })).toEqual(first);

  // Both at once on a token that the API refused.
  const call = [{ connectionId, refused: 1 }];
  const both = [coded, plain, coded, plain].map((one) =>
    one.call('callTheApi', call, { own: true }),
  );
  expect(await Promise.all(both)).toEqual(Array(4).fill({ status: 200, generation: 2 }));
  expect(system.authorizationServer.countTokenRequests()).toBe(2);

  const lifecycle = system.client.workflow.getHandle(`oauth-token/${connectionId}`);
  expect(await lifecycle.query('status')).toMatchObject({ connectionId, generation: 2 });
  const history = await textsOfRun(lifecycle.workflowId);
  expect(history).toContain(JSON.stringify({ connectionId }));
  expect(history).not.toContain(ENCODING);

  // The codec was at work: the coded application's own runs show nothing.
  const ran: string[] = [];
  const query = `TaskQueue="${coded.taskQueue}"`;
  await expect
    .poll(
      async () => {
        for await (const { workflowId } of system.client.workflow.list({ query }))
          ran.push(workflowId);
        return ran.length;
      },
      { timeout: 20_000 },
    )
    .toBeGreaterThan(0);
  const own = await textsOfRun(ran[0] ?? '');
  expect(own).toContain(ENCODING);
  expect(own).not.toContain(connectionId);
});

async function putOne(name: string) {
  const file = system.connectionFile(name);
  await system.put(file);
  return file;
}
