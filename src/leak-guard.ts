import type { ClientOptions, ClientPlugin } from '@temporalio/client';
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';
import type { WorkerOptions, WorkerPlugin } from '@temporalio/worker';
import { failure } from './failures.js';
import { holdsSecret, type ScanOptions } from './known-secrets.js';
import { guardActivities } from './leak-guard/guard-activities.js';
import { isEncodingFailure, redactedPayload } from './leak-guard/failure-payloads.js';

export { guardActivities } from './leak-guard/guard-activities.js';

/** How a {@link LeakGuard} is made. */
export interface LeakGuardOptions {
  /**
   * Also refuses what only looks like a token: a JWT, `Bearer …`, `"access_token":"…"`,
   * `refresh_token=…`, a private key. Default true; false: secrets known to this process only.
   */
  tokenShapes?: boolean | undefined;
}

/** A plugin for Clients and Workers, and the payload codec that it adds to them. */
export interface LeakGuard extends PayloadCodec, ClientPlugin, WorkerPlugin {
  readonly name: string;
  configureClient(options: Omit<ClientOptions, 'plugins'>): Omit<ClientOptions, 'plugins'>;
  configureWorker(options: WorkerOptions): WorkerOptions;
}

/**
 * Makes a leak guard: whatever goes to Temporal with a secret in it is refused with
 * `Policy.secret_leak_blocked`, which is final and does not say what was found. Looked for are the
 * tokens that a token source of this process opened, what {@link registerSecret} was told, and what
 * looks like a token; as they are, inside JSON, URL-encoded, as hex and in base64.
 *
 * - Client: the call throws; nothing is sent.
 * - Activity: it fails instead of returning its result; an error with a secret in its message,
 *   stack, details or cause is replaced; after a heartbeat the activity is cancelled.
 * - Workflow: the workflow task fails and is tried again, as with any mistake in workflow code,
 *   until the code no longer does it. A workflow has no secret that Temporal did not have before.
 *
 * Not reached: ids, search attributes, metric labels, and the message of an error that workflow code
 * throws.
 *
 * Use it as a plugin. As a bare codec it must be the first one, before any that encrypts, and it
 * sees neither messages nor stacks of errors.
 *
 * @example
 * ```ts
 * const worker = await Worker.create({ ...options, plugins: [createLeakGuard()] });
 * ```
 */
export function createLeakGuard(options: LeakGuardOptions = {}): LeakGuard {
  const scan: ScanOptions = { tokenShapes: options.tokenShapes ?? true };
  const guard: LeakGuard = {
    name: 'temporal-oauth-tokens.leak-guard',
    // Not async: what calls it must be on the stack.
    encode(payloads) {
      if (!payloads.some((payload) => isLeaking(payload, scan))) return Promise.resolve(payloads);
      // A codec that throws while an activity's failure is encoded takes the whole Worker down.
      if (!isEncodingFailure()) return Promise.reject(failure('Policy.secret_leak_blocked'));
      return Promise.resolve(
        payloads.map((payload) => (isLeaking(payload, scan) ? redactedPayload() : payload)),
      );
    },
    decode: (payloads) => Promise.resolve(payloads),
    configureClient: (client) => ({
      ...client,
      dataConverter: guardConverter(client.dataConverter, guard),
    }),
    configureWorker: (worker) => ({
      ...worker,
      dataConverter: guardConverter(worker.dataConverter, guard),
      interceptors: {
        ...worker.interceptors,
        activity: guardActivities(worker.interceptors?.activity ?? [], { ...scan, results: false }),
      },
    }),
  };
  return guard;
}

/** The converter with the guard as its first codec: what comes after it may encrypt. */
function guardConverter(converter: DataConverter | undefined, guard: PayloadCodec): DataConverter {
  const others = (converter?.payloadCodecs ?? []).filter((codec) => codec !== guard);
  return { ...converter, payloadCodecs: [guard, ...others] };
}

function isLeaking({ data, metadata }: Payload, scan: ScanOptions): boolean {
  return [data, ...Object.values(metadata ?? {})].some(
    (bytes) => bytes !== undefined && bytes !== null && holdsSecret(bytes, scan),
  );
}
