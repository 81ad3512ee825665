import type { WorkflowHandle } from '@temporalio/client';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;
type HistoryEvent = NonNullable<History['events']>[number];

/** Temporal Actions of a run, by what they are for. */
export interface Actions {
  starts: number;
  updates: number;
  activities: number;
  /** Second and later attempts. */
  retries: number;
  timers: number;
  /** Signals and changes of search attributes. */
  others: number;
  total: number;
}

/**
 * Counts Temporal Actions from a run's history, by the rules of Temporal Cloud: a start, an update
 * that was accepted, an activity and each of its retries, a timer, a signal, a change of search
 * attributes. Heartbeats leave no event; an activity of this package that ends within three seconds
 * sends none.
 *
 * @see https://docs.temporal.io/cloud/actions
 */
export function actionsOf(events: readonly HistoryEvent[]): Actions {
  const having = (name: keyof HistoryEvent): number =>
    events.filter((event) => event[name] !== null && event[name] !== undefined).length;
  const counted = {
    starts: having('workflowExecutionStartedEventAttributes'),
    updates: having('workflowExecutionUpdateAcceptedEventAttributes'),
    activities: having('activityTaskScheduledEventAttributes'),
    retries: events.reduce(
      (sum, event) =>
        sum + Math.max((event.activityTaskStartedEventAttributes?.attempt ?? 1) - 1, 0),
      0,
    ),
    timers: having('timerStartedEventAttributes'),
    others:
      having('workflowExecutionSignaledEventAttributes') +
      having('upsertWorkflowSearchAttributesEventAttributes'),
  };
  const total = Object.values(counted).reduce((sum, count) => sum + count, 0);
  return { ...counted, total };
}
