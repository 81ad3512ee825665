import { forgetParked, listParked, readToken, type TokenDatabase } from '../store/index.js';
import type { NoticeClient } from './notice-client.js';

/** Workflows read, woken and forgotten together. */
const PAGE = 100;
/** Signals under way at once. */
const AT_ONCE = 20;

/**
 * Wakes every workflow that waits until a connection is authorized. Each is forgotten after it was
 * woken: what a crash leaves is woken by whoever does it again. Whoever registers meanwhile reads the
 * record after it has registered, and so needs no waking.
 *
 * @returns how many were woken
 * @throws StoreError; whatever Temporal's client throws when Temporal cannot be reached
 */
export async function wakeParked(
  database: TokenDatabase,
  notices: NoticeClient,
  connectionId: string,
): Promise<number> {
  const read = await readToken(database, connectionId);
  if (read === null) return 0;
  const { epoch } = read.record;
  let woken = 0;
  let failed: PromiseRejectedResult | null = null;
  let after: string | null = null;
  for (;;) {
    const page = await listParked(database, connectionId, { limit: PAGE, after });
    for (let start = 0; start < page.length; start += AT_ONCE) {
      const some = page.slice(start, start + AT_ONCE);
      const told = await Promise.allSettled(some.map((one) => notices.wake(one, epoch)));
      const awake = some.filter((_, index) => told[index]?.status === 'fulfilled');
      await forgetParked(database, awake);
      woken += awake.length;
      // One that cannot be woken keeps nobody else waiting; it looks by itself.
      failed ??= told.find((one) => one.status === 'rejected') ?? null;
      // None at all: Temporal is not there, and the others would wait for it one after the other.
      if (failed !== null && awake.length === 0) throw failed.reason;
    }
    after = page.at(-1)?._id ?? null;
    if (after !== null) continue;
    if (failed !== null) throw failed.reason;
    return woken;
  }
}
