import { heartbeat } from '@temporalio/activity';

const HEARTBEAT_MS = 3_000;

/**
 * Runs an activity that waits with heartbeats, so that Temporal notices within seconds when its
 * worker is gone. A quick one ends before the first and costs none. The details say what it is
 * about, for people; they never hold what was sent or received.
 */
export async function withHeartbeats<T>(
  connectionId: string,
  activity: () => Promise<T>,
): Promise<T> {
  const beat = setInterval(() => heartbeat({ connectionId }), HEARTBEAT_MS);
  try {
    return await activity();
  } finally {
    clearInterval(beat);
  }
}
