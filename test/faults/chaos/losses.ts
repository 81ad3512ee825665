/** Which grants died, whether it could have been avoided, and a person who consents again. */
import { withTimeout } from './time-limit.js';
import type { Exchange } from '../support/exchanges.js';
import type { ChaosDeployment } from './deployment.js';
import { pause } from './callers.js';

/** A grant that was declared dead. */
export interface Loss {
  connectionId: string;
  rotation: string;
  reason: string | null;
  /**
   * `unavoidable`: the newest refresh token never reached a process that lived to keep it.
   * `avoidable`: it did, and was lost all the same. `false_death`: the server would still take it.
   */
  kind: 'unavoidable' | 'avoidable' | 'false_death';
  /** What became of the newest refresh token. */
  cause: LossCause;
  /** Who had asked for it. */
  sender: string | null;
}

/** `answer_lost`: it did not arrive; with its worker; `none`: it did, or was there from the start. */
export type LossCause = 'answer_lost' | 'worker_killed' | 'worker_stood_still' | 'none';

/** Tokens of a worker that died or stood still count as lost with it: it has this long to tell. */
const SETTLE_MS = 3_000;
const LOOK_EVERY_MS = 3_000;

/** Notes every dead grant and has a person authorize its connection anew, until the signal. */
export async function keepAuthorizing(
  deployment: ChaosDeployment,
  { signal, losses }: { signal: AbortSignal; losses: Loss[] },
): Promise<void> {
  while (await pause(LOOK_EVERY_MS, signal)) {
    for (const connectionId of await deadConnections(deployment)) {
      if (!(await pause(SETTLE_MS, signal))) return;
      const loss = await judge(deployment, connectionId).catch(() => null);
      if (loss === null) continue;
      losses.push(loss);
      await authorize(deployment, connectionId, signal);
    }
  }
}

async function deadConnections({ fault }: ChaosDeployment): Promise<string[]> {
  const dead = fault.system.database.tokens.find({ state: 'reauthorization_required' });
  const found = await withTimeout(dead.toArray(), SETTLE_MS).catch(() => []);
  return found.map(({ _id }) => _id);
}

/** A put that fails is repeated with another grant, as a person would. */
async function authorize(
  { fault }: ChaosDeployment,
  connectionId: string,
  signal: AbortSignal,
): Promise<void> {
  for (const exchange of fault.server.exchangesOf(connectionId)) {
    if (!isCommitted(fault.workers, exchange)) exchange.asker = 'superseded';
  }
  do {
    try {
      return await fault.authorize(connectionId);
    } catch {
      // MongoDB or Temporal is away.
    }
  } while (await pause(1_000, signal));
}

/** @returns null: it is not dead (any more) */
export async function judge(
  deployment: ChaosDeployment,
  connectionId: string,
): Promise<Loss | null> {
  const { fault } = deployment;
  const { server } = fault;
  const found = await fault.system.database.tokens.findOne({ _id: connectionId });
  if (found?.state !== 'reauthorization_required') return null;
  traceExchanges(deployment, server.exchangesOf(connectionId));
  const newest = server.newestRefreshToken(connectionId);
  const exchange = server.exchangesOf(connectionId).find((one) => one.refreshToken === newest);
  const rotation = server.rotationOf(connectionId);
  const lives = server.liveRefreshToken(connectionId) !== null;
  return {
    connectionId,
    rotation: typeof rotation === 'string' ? rotation : 'grace',
    reason: found.lastOutcome?.reason ?? null,
    ...kindOfLoss({ rotates: rotation !== 'none', exchange, lives }),
    sender: exchange?.sender ?? null,
  };
}

/** Whether a grant had to be lost: by what became of the answer that brought its newest token. */
export function kindOfLoss({
  rotates,
  exchange,
  lives,
}: {
  rotates: boolean;
  /** undefined: the newest refresh token is the imported one. */
  exchange: Pick<Exchange, 'delivered' | 'asker'> | undefined;
  /** The server would still take it. */
  lives: boolean;
}): Pick<Loss, 'kind' | 'cause'> {
  const cause = causeOf(exchange);
  if (rotates && cause !== 'none') return { kind: 'unavoidable', cause };
  return { kind: lives ? 'false_death' : 'avoidable', cause };
}

function causeOf(exchange: Pick<Exchange, 'delivered' | 'asker'> | undefined): LossCause {
  if (exchange === undefined) return 'none';
  if (exchange.asker === 'killed') return 'worker_killed';
  if (!exchange.delivered) return 'answer_lost';
  return exchange.asker === 'stopped' ? 'worker_stood_still' : 'none';
}

/** Writes into the ledger what the workers say of each request: read, committed, or lost with them. */
export function traceExchanges({ fault, workers }: ChaosDeployment, exchanges: Exchange[]): void {
  const standstills = workers.flatMap((slot) => slot.standstills);
  for (const exchange of exchanges) {
    if (exchange.asker === 'superseded' || exchange.sender === undefined) continue;
    const [name, send] = exchange.sender.split('/');
    const worker = fault.workers.find((one) => one.name === name);
    const own = worker?.passed.filter((one) => one.send === Number(send)) ?? [];
    const captured = own.find(({ point, event }) => point === 'after:send' && event === 'captured');
    const failed = own.find(({ point, event }) => point === 'after:send' && event === 'failed');
    const committed = own.find(({ event }) => event === 'committed');
    exchange.delivered =
      captured !== undefined || (exchange.did === 'refused' && failed !== undefined);
    if (committed === undefined && worker?.hasEnded === true) exchange.asker = 'killed';
    const over = committed?.at ?? Infinity;
    const stoodStill = standstills.some(
      ({ worker: stopped, from, to }) => stopped === name && from < over && to > exchange.arrivedAt,
    );
    if (stoodStill && exchange.asker === 'alive') exchange.asker = 'stopped';
  }
}

function isCommitted(workers: ChaosDeployment['fault']['workers'], { sender }: Exchange): boolean {
  const [name, send] = sender?.split('/') ?? [];
  const worker = workers.find((one) => one.name === name);
  return (
    worker?.passed.some((one) => one.send === Number(send) && one.event === 'committed') === true
  );
}
