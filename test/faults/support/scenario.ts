/** A fault scenario as a test: its fault and its right outcome are its name, the checker its end. */
import { it } from 'vitest';
import type { SystemOptions } from '../../support/token-system.js';
import { check, presentedTwice, type Observation } from './checker.js';
import { startFaultSystem, type FaultSystem } from './fault-system.js';
import { recordFigures, type Figures } from './figures.js';
import { observe } from './observe.js';

/** What a scenario measured besides what is measured of every one. */
export interface Measured {
  recoveryMs?: number;
  unavoidablyLost?: number;
  more?: Record<string, number>;
}

/** A scenario of the table in test/faults/README.md. */
export interface Scenario {
  number: number;
  fault: string;
  /** The right outcome. */
  outcome: string;
  /** Other servers than the test run's own. */
  servers?: SystemOptions | (() => SystemOptions);
  /** Not beside the file's other scenarios: it breaks servers that they use, or keeps a core busy. */
  alone?: boolean;
  /** Breaks things, and asserts what a user notices. The checker runs afterwards. */
  run: (fault: FaultSystem) => Promise<Measured | undefined>;
}

const TIMEOUT_MS = 300_000;

/** Defines the test; scenarios of one file run side by side, each in a deployment of its own. */
export function scenario({ number, fault, outcome, servers, alone, run }: Scenario): void {
  const options = { timeout: TIMEOUT_MS, concurrent: alone !== true };
  it(`#${number} ${fault}: ${outcome}`, options, async ({ task }) => {
    const startedAt = performance.now();
    const system = await startFaultSystem(typeof servers === 'function' ? servers() : servers);
    const record = (violations: string[], measured: Measured, searched: Searched) =>
      recordFigures(task.file.filepath, {
        ...{ number, fault, outcome, survived: violations.length === 0, violations },
        recoveryMs: measured.recoveryMs === undefined ? null : Math.round(measured.recoveryMs),
        tokenRequests: system.server.exchanges.length,
        presentedTwice: presentedTwice(system.server.exchanges),
        unavoidablyLost: measured.unavoidablyLost ?? 0,
        windowsUs: system.workers.flatMap(({ windows }) => windows),
        ...searched,
        tookMs: Math.round(performance.now() - startedAt),
        ...(measured.more === undefined ? {} : { more: measured.more }),
      });
    try {
      const measured = (await run(system)) ?? {};
      const observation = await observe(system);
      const violations = check(observation).map(({ invariant, says }) => `${invariant} ${says}`);
      await record(violations, measured, searchedIn(observation));
      if (violations.length > 0) throw new Violated(violations.join('\n'));
    } catch (error) {
      if (!(error instanceof Violated)) await record(['not the right outcome'], {}, NOT_SEARCHED);
      throw error;
    } finally {
      await system.close();
    }
  });
}

class Violated extends Error {}

type Searched = Pick<Figures, 'bytesSearched' | 'secretsSearchedFor'>;
const NOT_SEARCHED: Searched = { bytesSearched: 0, secretsSearchedFor: 0 };

const searchedIn = ({ places, secrets }: Observation): Searched => ({
  bytesSearched: Object.values(places).reduce((bytes, text) => bytes + text.length, 0),
  secretsSearchedFor: secrets.length,
});
