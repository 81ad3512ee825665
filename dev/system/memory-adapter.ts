import type { Adapter, AdapterPayload } from 'oidc-provider';

interface Entry {
  model: string;
  id: string;
  payload: AdapterPayload;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** What an authorization server remembers, and what happens to it behind everybody's back. */
export interface MemoryStore {
  /** The storage of one kind of thing (`AccessToken`, `Grant`, …), as `oidc-provider` wants it. */
  adapterFor(model: string): Adapter;
  /**
   * Forgets things of some kinds: all of them, or those with one id.
   * @returns how many there were
   */
  forget(models: readonly string[], id?: string): number;
  /** How many things of a kind are remembered and neither expired nor consumed. */
  count(model: string): number;
  /** Every token of some kinds that was ever issued: what a search for leaks looks for. */
  everIssued(models: readonly string[]): string[];
}

/** What has expired is still known for a while, so that it is told apart from what never was. */
const KEPT_SECONDS: Readonly<Record<string, number>> = { DeviceCode: 60 };

/**
 * Makes an empty store. Ours, and not the one that `oidc-provider` brings for a quick start,
 * because tests revoke tokens without knowing them and look at what is left.
 */
export function createMemoryStore(): MemoryStore {
  const entries = new Map<string, Entry>();
  const issued = new Map<string, string[]>();
  const find = (matches: (entry: Entry) => boolean): AdapterPayload | undefined =>
    [...entries.values()].find((entry) => isAlive(entry) && matches(entry))?.payload;
  const removeAll = (matches: (entry: Entry) => boolean): number => {
    const gone = [...entries].filter(([, entry]) => matches(entry));
    for (const [key] of gone) entries.delete(key);
    return gone.length;
  };
  const isAlive = (entry: Entry): boolean => entry.expiresAt > Date.now();

  return {
    adapterFor: (model) => ({
      async upsert(id, payload, expiresIn) {
        removeAll((entry) => !isAlive(entry));
        const kept = expiresIn === undefined ? Infinity : expiresIn + (KEPT_SECONDS[model] ?? 0);
        const expiresAt = Date.now() + kept * 1_000;
        entries.set(`${model}:${id}`, { model, id, payload, expiresAt });
        issued.set(model, [...(issued.get(model) ?? []), id]);
      },
      async find(id) {
        const entry = entries.get(`${model}:${id}`);
        return entry !== undefined && isAlive(entry) ? entry.payload : undefined;
      },
      async findByUid(uid) {
        return find((entry) => entry.model === model && entry.payload.uid === uid);
      },
      async findByUserCode(userCode) {
        return find((entry) => entry.model === model && entry.payload.userCode === userCode);
      },
      async consume(id) {
        const entry = entries.get(`${model}:${id}`);
        if (entry !== undefined) entry.payload.consumed = Math.floor(Date.now() / 1_000);
      },
      async destroy(id) {
        entries.delete(`${model}:${id}`);
      },
      async revokeByGrantId(grantId) {
        removeAll((entry) => entry.model === model && entry.payload.grantId === grantId);
      },
    }),
    forget: (models, id) =>
      removeAll((entry) => models.includes(entry.model) && (id === undefined || entry.id === id)),
    count: (model) =>
      [...entries.values()].filter(
        (entry) => entry.model === model && isAlive(entry) && entry.payload.consumed === undefined,
      ).length,
    everIssued: (models) => models.flatMap((model) => issued.get(model) ?? []),
  };
}
