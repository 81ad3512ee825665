import { eventsSince, tokenEventOf } from '../contract/events.js';
import type { ConnectionInput, LifecycleView } from '../contract/messages.js';
import { toFailure } from '../failures.js';
import { clearPending, readAnnounced, StoreError, writeAnnounced } from '../store/index.js';
import type { IssueDependencies } from './dependencies.js';

/** What {@link createAnnounceEvents} did. */
export interface AnnounceEventsResult {
  /** How many deliveries were begun. */
  events: number;
}

/** What announcing needs. */
export type AnnounceDependencies = Pick<IssueDependencies, 'database' | 'notices' | 'events'>;

const MAX_TRIES = 20;

/**
 * Makes the activity that begins the delivery of everything that is untold of a connection. Safe to run
 * twice: what is told is written down with its number before its delivery begins, and a delivery with
 * that number begins once.
 */
export function createAnnounceEvents(dependencies: IssueDependencies) {
  return async function announceEvents(input: ConnectionInput): Promise<AnnounceEventsResult> {
    const { connectionId } = input;
    try {
      return { events: await announce(dependencies, connectionId) };
    } catch (error) {
      throw toFailure(error, { connectionId });
    }
  };
}

/**
 * Begins the delivery of everything that is untold of a connection.
 *
 * @returns how many deliveries were begun
 * @throws StoreError; whatever Temporal's client throws when Temporal cannot be reached
 */
export async function announce(
  { database, notices, events: targets }: AnnounceDependencies,
  connectionId: string,
): Promise<number> {
  if (targets === null) return 0;
  const { source, activity, noticeDays } = targets;
  for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
    const read = await readAnnounced(database, connectionId);
    if (read === null) return 0;
    const { incarnation } = read;
    const told = eventsSince(read.announced, read.record, noticeDays);
    const news = told.events.length > 0;
    if (news && !(await writeAnnounced(database, read, told))) continue;
    const waiting = [...read.pending, ...told.events];
    for (const numbered of waiting) {
      const event = tokenEventOf(numbered, { source, incarnation });
      await notices.deliver({ event, webhook: targets.webhook !== null, activity });
    }
    const last = waiting.at(-1);
    if (last !== undefined) await clearPending(database, read, last.seq);
    return waiting.length;
  }
  const what = `The record of connection ${connectionId} kept changing while it was told of.`;
  throw new StoreError('unavailable', what);
}

/** A view of the lifecycle that says whether something is untold; as it is when nobody is told. */
export async function withUntold(
  { database, events }: IssueDependencies,
  view: LifecycleView,
): Promise<LifecycleView> {
  if (events === null || view.status === null) return view;
  const read = await readAnnounced(database, view.status.connectionId);
  if (read === null) return view;
  const told = eventsSince(read.announced, read.record, events.noticeDays);
  return { ...view, untold: told.events.length + read.pending.length > 0 };
}
