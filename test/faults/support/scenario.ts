/** A fault scenario as a test: its fault and its right outcome are its name, the checker its end. */
import { it } from 'vitest';
import type { SystemOptions } from '../../support/token-system.js';
import { check, presentedTwice } from './checker.js';
import { startFaultSystem, type FaultSystem } from './fault-system.js';
import { recordFigures } from './figures.js';
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

const TIMEOUT_MS = 180_000;

/** Defines the test; scenarios of one file run side by side, each in a deployment of its own. */
export function scenario({ number, fault, outcome, servers, alone, run }: Scenario): void {
  const options = { timeout: TIMEOUT_MS, concurrent: alone !== true };
  it(`#${number} ${fault}: ${outcome}`, options, async ({ task }) => {
    const startedAt = performance.now();
    const system = await startFaultSystem(typeof servers === 'function' ? servers() : servers);
    try {
      const { more, recoveryMs, unavoidablyLost } = (await run(system)) ?? {};
      const observation = await observe(system);
      const violations = check(observation).map(({ invariant, says }) => `${invariant} ${says}`);
      const { places, secrets, exchanges } = observation;
      await recordFigures(task.file.filepath, {
        ...{ number, fault, outcome, survived: violations.length === 0, violations },
        recoveryMs: recoveryMs === undefined ? null : Math.round(recoveryMs),
        tokenRequests: exchanges.length,
        presentedTwice: presentedTwice(exchanges),
        unavoidablyLost: unavoidablyLost ?? 0,
        windowsUs: system.workers.flatMap(({ windows }) => windows),
        bytesSearched: Object.values(places).reduce((bytes, text) => bytes + text.length, 0),
        secretsSearchedFor: secrets.length,
        tookMs: Math.round(performance.now() - startedAt),
        ...(more === undefined ? {} : { more }),
      });
      if (violations.length > 0) throw new Error(violations.join('\n'));
    } finally {
      await system.close();
    }
  });
}
