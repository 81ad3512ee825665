import type { BenchResult } from './result.js';
import type { World } from './world/world.js';

/** What a bench works with. */
export interface BenchContext {
  /** Small sizes, for counts only: what is measured in time means nothing then. */
  quick: boolean;
  /** Real servers; started when they are first asked for. */
  world: () => Promise<World>;
  /** Says what goes on. */
  say: (line: string) => void;
}

/** One bench, in a file of its own. */
export interface Bench {
  /** As in `npm run bench -- NAME`. */
  name: string;
  run(context: BenchContext): Promise<BenchResult>;
}
