import { staleKeys, type KeyRotationPlan, type RotateKeysInput } from '../contract/key-rotation.js';
import { toFailure } from '../failures.js';
import {
  countRecordsOfKey,
  countRecordsOfKeys,
  kidsInUse,
  stateOf,
  StoreError,
  type KeyInfo,
  type KeyPurpose,
} from '../store/index.js';
import type { IssueDependencies } from './dependencies.js';

/**
 * Makes the look at what a rotation of keys has to do: which key seals, which are older, and how
 * many records each of these still holds. Safe to run twice: it only reads.
 */
export function createPlanKeyRotation({ database, keys }: IssueDependencies) {
  return async function planKeyRotation(input: RotateKeysInput): Promise<KeyRotationPlan> {
    try {
      const infos = await keys.list();
      const target = async (purpose: KeyPurpose): Promise<string> => {
        const kid = input.active?.[purpose] ?? (await keys.active(purpose)).kid;
        const found = infos.find((info) => info.kid === kid);
        if (found?.purpose === purpose) return kid;
        throw new StoreError('key_unavailable', `This worker has no ${purpose} key ${kid}.`);
      };
      const active = { access: await target('access'), grant: await target('grant') };
      if (input.active?.access === undefined || input.active.grant === undefined) {
        refuseOldKeys(infos, await kidsInUse(database));
      }
      const known = infos.map((info) => ({ ...info, state: stateOf(info) }));
      const kids = staleKeys(known, active);
      const records = await Promise.all(kids.map((kid) => countRecordsOfKey(database, kid)));
      return {
        active,
        stale: kids.map((kid, index) => ({ kid, records: records[index] ?? 0 })),
        left: await countRecordsOfKeys(database, kids),
      };
    } catch (error) {
      throw toFailure(error);
    }
  };
}

/** A worker whose keys are older than the records' would take its own active key for the newest. */
function refuseOldKeys(infos: KeyInfo[], inUse: string[]): void {
  const missing = inUse.filter((kid) => !infos.some((info) => info.kid === kid));
  if (missing.length === 0) return;
  throw new StoreError(
    'key_unavailable',
    `Records are sealed with keys that this worker does not have: ${missing.join(', ')}. If they ` +
      'are lost, name the active keys in the input to rotate the others.',
  );
}
