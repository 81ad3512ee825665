/** Explores every order of the rotation machine, right and wrong, and sums up. */
import { BASE, CASES, LARGE_CASES, WRONG } from '../exploration/cases.js';
import { explore } from '../exploration/explore.js';

const sum = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

/** What exploring brought. */
export interface ExplorationFigures {
  cases: number;
  states: number;
  ends: number;
  bad: number;
  /** Ends in which a grant is lost that nobody could keep. */
  unavoidable: number;
  /** Wrong variants of the rules, and how many of them showed bad ends, as they have to. */
  variants: number;
  variantsCaught: number;
}

/** Explores all cases, the large ones too; takes some minutes. */
export function exploreAll(): ExplorationFigures {
  const cases = [...CASES, ...LARGE_CASES];
  const figures: ExplorationFigures = {
    ...{ cases: cases.length, states: 0, ends: 0, bad: 0, unavoidable: 0 },
    ...{ variants: WRONG.length, variantsCaught: 0 },
  };
  for (const settings of cases) {
    const { states, ends, bad, unavoidable } = explore({ ...BASE, ...settings });
    figures.states += states;
    figures.ends += ends;
    figures.bad += sum(bad);
    figures.unavoidable += sum(unavoidable);
  }
  for (const settings of WRONG) {
    const { bad } = explore({ ...BASE, ...settings, stopAtFirstBad: true });
    if (sum(bad) > 0) figures.variantsCaught += 1;
  }
  return figures;
}
