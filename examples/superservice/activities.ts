import type { TokenSource } from 'temporal-oauth-tokens';

/** What the activities work with. */
export interface SuperserviceOptions {
  /** Hands out tokens and adds them to requests. */
  tokens: TokenSource;
  /** Origin of the SuperService API. */
  origin: string;
}

/** Activities of an application that calls the SuperService API. No token is returned by any. */
export function createSuperserviceActivities({ tokens, origin }: SuperserviceOptions) {
  return {
    /** How many things there are. */
    async countThings(): Promise<number> {
      const response = await tokens.fetch('superservice', `${origin}/v1/things`);
      if (!response.ok) throw new Error(`The SuperService API answered ${response.status}.`);
      const { things } = (await response.json()) as { things: unknown[] };
      return things.length;
    },
  };
}
