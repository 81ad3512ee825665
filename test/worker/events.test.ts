import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNetwork } from '../../src/network.js';
import { eventTargetsOf } from '../../src/worker/events.js';
import { readWebhookSecrets } from '../../src/worker/webhook-secrets.js';

const SECRET = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(24, 4).toString('base64')}`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oat-events-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(text: string): Promise<string> {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.txt`);
  await writeFile(path, text);
  return path;
}

describe('the file with the webhook secret', () => {
  it('holds one a line', async () => {
    const secrets = await readWebhookSecrets(await file(`${SECRET}\n\n  ${OTHER}\r\n`));
    expect(secrets.map((secret) => secret.reveal())).toEqual([SECRET, OTHER]);
  });

  it.each([
    ['is empty', '\n', /is empty/],
    ['holds another text', `${SECRET}\nhunter2`, /^Line 2 .* must be whsec_/],
    ['holds too short a secret', `whsec_${Buffer.alloc(8).toString('base64')}`, /^Line 1 /],
  ])('is refused when it %s, without saying what it holds', async (_, text, message) => {
    const refused = readWebhookSecrets(await file(text));
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toMatchObject({ name: 'InputError' });
    await expect(refused).rejects.not.toThrow(/hunter2/);
  });

  it('has to be there', async () => {
    await expect(readWebhookSecrets(join(folder, 'none'))).rejects.toThrow(/cannot be read/);
  });
});

describe('where events go', () => {
  const network = createNetwork({ mode: 'public' });
  const deployment = { namespace: 'pay ments', taskQueue: 'oauth-tokens', network };
  const activity = { name: 'onTokenEvent', taskQueue: 'operations' };

  it('is nowhere unless it is said', async () => {
    expect(await eventTargetsOf(undefined, deployment)).toBeNull();
    expect(await eventTargetsOf({ expiryNoticeDays: [3] }, deployment)).toBeNull();
  });

  it('is a webhook, an activity, or both, from a source that names the deployment', async () => {
    expect(await eventTargetsOf({ activity }, deployment)).toEqual({
      source: '/temporal-oauth-tokens/pay%20ments/oauth-tokens',
      webhook: null,
      activity,
      noticeDays: [30, 7, 1],
    });
    const webhook = { url: 'https://hooks.example.com/', secretFile: await file(SECRET) };
    expect(await eventTargetsOf({ webhook, activity }, deployment)).toMatchObject({
      webhook: { url: webhook.url },
    });
  });

  it.each([
    ['http://hooks.example.com/', /not allowed/],
    ['https://127.0.0.1/', /not allowed/],
    ['hooks', /none/],
  ])('is refused when it is %s, before anything runs', async (url, message) => {
    const webhook = { url, secretFile: await file(SECRET) };
    const refused = eventTargetsOf({ webhook }, deployment);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toMatchObject({ name: 'InputError' });
  });
});
