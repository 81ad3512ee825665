import {
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  setWorkflowOptions,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { IssueActivities } from '../activities/index.js';
import type {
  KeyRotationPlan,
  ResealRecordsResult,
  RotateKeysInput,
  RotateKeysResult,
  RotationTotals,
} from '../contract/key-rotation.js';
import { issueTaskQueue } from '../contract/names.js';
import { failure } from '../failures.js';
import { PLAN_ROTATION_OPTIONS, RESEAL_OPTIONS, TIMEOUTS } from './options.js';
import { rotationDetails } from './rotation-details.js';
import { autoUpgrade } from './versioning.js';

/**
 * After so many passes what is left is somebody's to look at: a worker that still seals with an old
 * key brings records back under it for ever.
 */
const MAX_PASSES = 100;

/** A pass over the records so far. */
type Pass = Omit<ResealRecordsResult, 'cursor'>;

/**
 * Seals every record that needs an older key with the key of today, while everything runs. What is
 * left to do lies in MongoDB, so that a run that was ended is continued by the next one. Records in
 * which a token request is under way are left alone and come last. By name from any SDK; the command
 * runs it as `oauth-keys/rotate/<taskQueue>`.
 *
 * @throws ApplicationFailure `Connection.invalid` for an input that is not one
 */
export async function rotateKeys(input?: RotateKeysInput): Promise<RotateKeysResult> {
  const wanted = checkedInput(input);
  const rotation = new KeyRotation(wanted.before);
  let { active } = wanted;
  for (let passes = 1; ; passes += 1) {
    const plan = await rotation.look(active);
    // Fixed from now on, so that keys that become active meanwhile are the next rotation's.
    ({ active } = plan);
    if (plan.left === 0 || passes > MAX_PASSES) return rotation.result(plan);
    if (passes > 1) {
      await sleep(TIMEOUTS.comeBackMs, { summary: 'records in use: come back to them' });
    }
    const pass = await rotation.pass(plan);
    if (pass.resealed + pass.conflicts + pass.busy === 0) {
      return rotation.result(await rotation.look(active));
    }
    if (workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof rotateKeys>({ active, before: rotation.totals });
    }
  }
}

setWorkflowOptions(autoUpgrade, rotateKeys);

/** What a run knows: counts, and no secret. */
class KeyRotation {
  readonly #before: RotationTotals;
  readonly #startedAt = Date.now();
  #resealed = 0;
  #conflicts = 0;
  #unreadable = 0;
  /** Of the slices so far, for the pace. */
  #busyMs = 0;

  constructor(before: RotationTotals) {
    this.#before = before;
  }

  get totals(): RotationTotals {
    return {
      resealed: this.#before.resealed + this.#resealed,
      conflicts: this.#before.conflicts + this.#conflicts,
      durationMs: this.#before.durationMs + Date.now() - this.#startedAt,
    };
  }

  async look(active: RotateKeysInput['active']): Promise<KeyRotationPlan> {
    const { planKeyRotation } = proxyActivities<IssueActivities>({
      ...PLAN_ROTATION_OPTIONS,
      taskQueue: issueTaskQueue(workflowInfo().taskQueue),
      summary: 'what is there to do?',
    });
    const plan = await planKeyRotation(active === undefined ? {} : { active });
    this.#show(plan, plan.left);
    return plan;
  }

  /** Goes over everything that is left once, a slice at a time. */
  async pass(plan: KeyRotationPlan): Promise<Pass> {
    const { resealRecords } = proxyActivities<IssueActivities>({
      ...RESEAL_OPTIONS,
      taskQueue: issueTaskQueue(workflowInfo().taskQueue),
      summary: `seal ${plan.left} records anew`,
    });
    const { active } = plan;
    const stale = plan.stale.filter(({ records }) => records > 0).map(({ kid }) => kid);
    const pass: Pass = { resealed: 0, conflicts: 0, busy: 0, unreadable: 0, elapsedMs: 0 };
    let cursor: ResealRecordsResult['cursor'] = null;
    do {
      const slice: ResealRecordsResult = await resealRecords({ active, stale, cursor });
      ({ cursor } = slice);
      for (const name of Object.keys(pass) as (keyof Pass)[]) pass[name] += slice[name];
      this.#resealed += slice.resealed;
      this.#conflicts += slice.conflicts;
      this.#busyMs += slice.elapsedMs;
      this.#show(plan, Math.max(plan.left - pass.resealed, 0), pass.busy);
    } while (cursor !== null);
    this.#unreadable = pass.unreadable;
    return pass;
  }

  result({ active, left, stale }: KeyRotationPlan): RotateKeysResult {
    const retired = stale.filter(({ records }) => records === 0).map(({ kid }) => kid);
    const unreadable = Math.min(this.#unreadable, left);
    return { ...this.totals, left, unreadable, retired, active };
  }

  #show({ active }: KeyRotationPlan, left: number, busy = 0): void {
    const { resealed } = this.totals;
    const perSecond = this.#busyMs === 0 ? null : (this.#resealed * 1_000) / this.#busyMs;
    setCurrentDetails(rotationDetails({ active, resealed, left, busy, perSecond }));
  }
}

/** Whoever starts it by name may send anything, or nothing. */
function checkedInput(input: RotateKeysInput | null | undefined): {
  active: RotateKeysInput['active'];
  before: RotationTotals;
} {
  const active: Record<string, unknown> = { ...input?.active };
  for (const purpose of ['access', 'grant']) {
    const kid = active[purpose];
    if (kid === undefined || (typeof kid === 'string' && kid !== '')) continue;
    const detail = `active.${purpose}: must be the id of a key, or not given.`;
    throw failure('Connection.invalid', { detail });
  }
  return {
    active: input?.active,
    before: input?.before ?? { resealed: 0, conflicts: 0, durationMs: 0 },
  };
}
