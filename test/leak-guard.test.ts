import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import {
  ApplicationFailure,
  DefaultFailureConverter,
  defaultPayloadConverter,
  type Payload,
} from '@temporalio/common';
import { encodeErrorToFailure } from '@temporalio/common/lib/internal-non-workflow/codec-helpers.js';
import { describe, expect, it } from 'vitest';
import { createLeakGuard, registerSecret } from '../src/index.js';
import { textsOf } from '../src/known-secrets.js';
import { foreignErrors, PLANTED } from './foreign-errors.js';

const SECRET = `guarded-${randomBytes(12).toString('hex')}`;
registerSecret(SECRET);
const payloadOf = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);

async function refusal(payload: Payload, guard = createLeakGuard()): Promise<unknown> {
  return guard.encode([payloadOf('fine'), payload]).then(
    () => null,
    (error: unknown) => error,
  );
}

describe('the leak guard', () => {
  it.each([
    ['a text', payloadOf(SECRET)],
    ['a member', payloadOf({ deep: [{ text: `Bearer ${SECRET}` }] })],
    ['a name', payloadOf({ [SECRET]: 1 })],
    ['bytes', payloadOf(Buffer.from(`\0${SECRET}\0`))],
    ['base64', payloadOf(btoa(`id:${SECRET}`))],
    ['JSON inside JSON', payloadOf(JSON.stringify({ body: JSON.stringify({ SECRET }) }))],
    ['metadata', { ...payloadOf('x'), metadata: { note: Buffer.from(SECRET) } }],
  ])('refuses a payload with a secret in %s, and does not quote it', async (_where, payload) => {
    const error = await refusal(payload);
    expect(error).toMatchObject({ type: 'Policy.secret_leak_blocked', nonRetryable: true });
    expect(inspect(error, { depth: 9 })).not.toContain(SECRET);
  });

  it('gives payloads without secrets back as they were, in both directions', async () => {
    const guard = createLeakGuard();
    // Protobuf's own way of saying no bytes is a plain array.
    const empty = { metadata: {}, data: [] as unknown as Uint8Array };
    const payloads = [payloadOf({ connectionId: 'superservice' }), payloadOf(undefined), {}, empty];
    expect(await guard.encode(payloads)).toBe(payloads);
    expect(await guard.decode([payloadOf(SECRET)])).toEqual([payloadOf(SECRET)]);
  });

  it('can leave alone what only looks like a token', async () => {
    const token = payloadOf('eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxMiJ9MTIz.c2ln');
    expect(await refusal(token)).not.toBeNull();
    expect(await refusal(token, createLeakGuard({ tokenShapes: false }))).toBeNull();
    expect(
      await refusal(payloadOf(SECRET), createLeakGuard({ tokenShapes: false })),
    ).not.toBeNull();
  });

  it('is the first codec of a Client and a Worker, once, before one that encrypts', () => {
    const guard = createLeakGuard();
    const encryption = createLeakGuard();
    const dataConverter = { payloadCodecs: [encryption] };
    const client = guard.configureClient(guard.configureClient({ dataConverter }));
    const worker = guard.configureWorker({ taskQueue: 'q', dataConverter });
    expect(client.dataConverter?.payloadCodecs).toEqual([guard, encryption]);
    expect(worker.dataConverter?.payloadCodecs).toEqual([guard, encryption]);
    expect(worker.interceptors?.activity).toHaveLength(2);
  });

  it('redacts the details of a failure instead of throwing, which would end the Worker', async () => {
    const payloadCodecs = [createLeakGuard()];
    for (const encodeCommonAttributes of [false, true]) {
      const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes });
      const converter = {
        payloadConverter: defaultPayloadConverter,
        failureConverter,
        payloadCodecs,
      };
      const cause = ApplicationFailure.create({ message: 'inner', details: [SECRET] });
      const message = encodeCommonAttributes ? SECRET : 'outer';
      const error = ApplicationFailure.create({ message, cause, details: ['fine', SECRET] });
      error.stack = '';
      const encoded = await encodeErrorToFailure(converter, error);
      const texts = [...textsOf(encoded)].map(({ text }) => Buffer.from(text).toString());
      const text = texts.join('\n');
      expect(text).not.toContain(SECRET);
      expect(text).toContain('held back');
      expect(text).toContain('fine');
      expect(() => failureConverter.failureToError(encoded, defaultPayloadConverter)).not.toThrow();
    }
  });
});

describe('around an activity', async () => {
  registerSecret(PLANTED);
  const { interceptors } = createLeakGuard().configureWorker({ taskQueue: 'q' });
  const [guard] = interceptors?.activity ?? [];
  const run = (act: () => Promise<unknown>) =>
    guard?.({} as never).inbound?.execute?.({ args: [], headers: {} }, act);

  it.each(
    (await foreignErrors()).filter((found): found is [string, Error] => found[1] instanceof Error),
  )('an error of somebody else with a secret in it is replaced: %s', async (_title, error) => {
    const thrown: unknown = await run(() => Promise.reject(error))?.catch((e: unknown) => e);
    expect(inspect(thrown, { depth: 9 })).not.toContain(PLANTED);
  });

  it('an error that drags everything along, or cannot be read, is searched all the same', async () => {
    const many = Array.from({ length: 50_000 }, (_, n) => ({ n }));
    const large = Object.assign(new Error('large'), { many });
    const odd = Object.defineProperty(new Error('odd'), 'getter', {
      enumerable: true,
      get: () => {
        throw new Error(SECRET);
      },
    });
    await expect(run(() => Promise.reject(large))).rejects.toBe(large);
    await expect(run(() => Promise.reject(odd))).rejects.toBe(odd);
    large.cause = { body: { token: SECRET } };
    const refused = { type: 'Policy.secret_leak_blocked' };
    await expect(run(() => Promise.reject(large))).rejects.toMatchObject(refused);
  });

  it('an error without one is thrown as it is, whatever it is', async () => {
    for (const error of [new Error('other'), 'text', undefined, { a: [1n, Symbol('x')] }]) {
      await expect(run(() => Promise.reject(error as Error))).rejects.toBe(error);
    }
  });
});
