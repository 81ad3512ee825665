import {
  ActivityCancellationType,
  CancellationScope,
  condition,
  isCancellation,
  proxyActivities,
  setHandler,
} from '@temporalio/workflow';
import type { TokenActivities } from '../activities/token-activities.js';
import type { GetAccessTokenInput, TokenRef } from '../contract/messages.js';
import { applicationFailureOf, timeIsOver } from './failure-cause.js';
import { authorizedSignal } from './messages.js';
import { GET_ACCESS_TOKEN_OPTIONS } from './options.js';

/**
 * Hears the signal `authorized` of one connection. What is under way when it comes has looked at the
 * record before the consent: {@link interruptible} ends it.
 */
export class WakeUp {
  #count = 0;
  #scope: CancellationScope | null = null;

  constructor(connectionId: string) {
    const heard = (signal: { connectionId?: unknown } | null | undefined): void => {
      if (signal?.connectionId !== connectionId) return;
      this.#count += 1;
      this.#scope?.cancel();
    };
    const description = 'A person has authorized the connection: look at once.';
    setHandler(authorizedSignal, heard, { description });
  }

  /** How often it was heard. */
  get count(): number {
    return this.#count;
  }

  /** Waits until it is heard after `count` times; false: the time was over. */
  heardAfter(count: number, timeoutMs: number, summary: string): Promise<boolean> {
    return condition(() => this.#count > count, timeoutMs, { summary });
  }

  /**
   * Runs something that the signal ends.
   *
   * @returns what it returned; undefined: the signal came first
   */
  async interruptible<T>(run: () => Promise<T>): Promise<T | undefined> {
    const before = this.#count;
    const scope = new CancellationScope({ cancellable: true });
    this.#scope = scope;
    try {
      return await scope.run(run);
    } catch (error) {
      const woken = this.#count > before && isCancellation(error);
      // A cancelled workflow ends, whatever else has happened.
      if (!woken || CancellationScope.current().consideredCancelled) throw error;
      return undefined;
    } finally {
      this.#scope = null;
    }
  }
}

/**
 * Gets a token although a person may have to consent first: the activity that waits between two looks
 * is given up when the consent is there, and another one looks at once.
 *
 * @param deadline - workflow time until which it is tried
 */
export async function tokenWhenAuthorized(
  wakeUp: WakeUp,
  input: GetAccessTokenInput,
  deadline: number,
): Promise<TokenRef> {
  for (;;) {
    const { getAccessToken } = proxyActivities<TokenActivities>({
      ...GET_ACCESS_TOKEN_OPTIONS,
      scheduleToCloseTimeout: Math.max(deadline - Date.now(), 1),
      // An attempt that runs just now is not waited for.
      cancellationType: ActivityCancellationType.TRY_CANCEL,
      summary: `Valid token of ${input.connectionId}, when a person has authorized it`,
    });
    const heard = wakeUp.count;
    const call = (): Promise<TokenRef> => getAccessToken({ ...input, onReauthorization: 'wait' });
    try {
      const token = await wakeUp.interruptible(call);
      if (token !== undefined) return token;
    } catch (error) {
      // Its next look would come too late; a wake-up may not.
      if (!isWaiting(error)) throw error;
      const leftMs = Math.max(deadline - Date.now(), 1);
      if (!(await wakeUp.heardAfter(heard, leftMs, 'rest of the wait for a person'))) throw error;
    }
  }
}

function isWaiting(error: unknown): boolean {
  const type = applicationFailureOf(error)?.type;
  return timeIsOver(error) && type === 'Token.reauthorization_required';
}
