import type { KeptResult } from '../result.js';
import { numberText } from './numbers.js';
import { table } from './tables.js';

/** What one thing costs: counted by benches, or following from what they counted. */
export interface UnitCosts {
  /** Temporal Actions of a refresh on a running lifecycle, of one that starts it, and ahead. */
  actions: { refresh: number; start: number; ahead: number };
  /** MongoDB operations of a refresh: the worker's, and those of the process that asks. */
  operations: { refresh: number; caller: number; ahead: number };
}

/** How a deployment of the example uses its connections. */
export interface CostProfile {
  connections: number;
  /** Seconds; of an hour by default in most servers. */
  lifetimeS: number;
  /** Share of the connections that are used on a day. */
  usedShare: number;
  /** Hours of a day in which those are used. */
  usedHours: number;
  /** Processes that use each of them. */
  processes: number;
  /** How often each process calls the API with each, in seconds. */
  callEveryS: number;
}

/** Costs of a day. */
export interface DailyCost {
  refreshes: number;
  actions: number;
  operations: number;
  /** Look-ups of tokens in use, which are most of the operations. */
  lookUps: number;
  /** Refreshes a second, evenly spread over the hours of use. */
  refreshesPerSecond: number;
  lookUpsPerSecond: number;
}

/** A token is looked up with a call at most this often by each process, and so are its API rules. */
const LOOK_UP_EVERY_S = 5;
const LOOK_UPS_OF = 2;
const HOUR_S = 3_600;

/** Reads the unit costs from the counts of the bench `durable-refresh`. */
export function unitCosts(result: KeptResult): UnitCosts {
  const value = (what: string): number => {
    const found = result.counts.find((count) => count.what === what);
    if (found === undefined) throw new Error(`durable-refresh has not counted: ${what}.`);
    return found.value;
  };
  return {
    actions: {
      refresh: value('Temporal Actions of a refresh on a running lifecycle'),
      start: value('Temporal Actions of a refresh that has to start the lifecycle'),
      ahead: value('Temporal Actions of a refresh ahead of expiry'),
    },
    operations: {
      refresh: value('MongoDB operations of a refresh, in the worker'),
      caller: value('MongoDB operations of a refresh, in the process of the caller'),
      ahead: value('MongoDB operations of a refresh ahead of expiry'),
    },
  };
}

/** How long after a token came its refresh is due, in seconds. */
function refreshPeriodS(lifetimeS: number): number {
  return lifetimeS - Math.min(300, lifetimeS * 0.2) - Math.min(60, lifetimeS * 0.05) / 2;
}

/**
 * What a day costs, `on-demand`. The lifecycle ends after 15 idle minutes, so with tokens of an hour
 * each refresh starts it again.
 */
export function dailyCost(units: UnitCosts, profile: CostProfile): DailyCost {
  const { connections, lifetimeS, usedShare, usedHours, processes, callEveryS } = profile;
  const used = connections * usedShare;
  const usedS = usedHours * HOUR_S;
  const refreshes = (used * usedS) / refreshPeriodS(lifetimeS);
  const endsBetween = refreshPeriodS(lifetimeS) > 15 * 60;
  const perRefresh = endsBetween ? units.actions.start : units.actions.refresh;
  const lookUps = (used * processes * usedS * LOOK_UPS_OF) / Math.max(LOOK_UP_EVERY_S, callEveryS);
  return {
    refreshes,
    actions: refreshes * perRefresh,
    operations: refreshes * (units.operations.refresh + units.operations.caller) + lookUps,
    lookUps,
    refreshesPerSecond: refreshes / usedS,
    lookUpsPerSecond: lookUps / usedS,
  };
}

/** Also said in words in the template. */
const EXAMPLE = { lifetimeS: HOUR_S, usedShare: 0.2, usedHours: 8, processes: 2, callEveryS: 60 };

/** The cost tables of docs/performance.md. */
export function costTables(result: KeptResult): string {
  const units = unitCosts(result);
  const { actions, operations } = units;
  const unitTable = table(
    ['', 'Temporal Actions', 'MongoDB operations'],
    [
      ['an API call, nothing in memory', '0', '2'],
      ['calls within the next 5 s in the same process', '0', '0'],
      ['the first call after 5 s, in the background', '0', '2'],
      ['a refresh, lifecycle running', `${actions.refresh}`, sumText(operations)],
      ['a refresh, lifecycle not running', `${actions.start}`, sumText(operations)],
      ['a refresh ahead of expiry', `${actions.ahead}`, `${operations.ahead}`],
      ['an idle day, `on-demand`', '0', '0'],
      [
        'an idle day, `ahead`, tokens of an hour',
        numberText(Math.round((actions.ahead * 86_400) / refreshPeriodS(HOUR_S))),
        numberText(Math.round((operations.ahead * 86_400) / refreshPeriodS(HOUR_S))),
      ],
    ],
  );
  const sizes = [100, 10_000, 1_000_000].map((connections) => {
    const profile = { ...EXAMPLE, connections };
    const day = dailyCost(units, profile);
    return [
      numberText(connections),
      ...[day.refreshes, day.actions, day.operations].map((value) => numberText(Math.round(value))),
      ...[day.refreshesPerSecond, day.lookUpsPerSecond].map(numberText),
    ];
  });
  const sizeTable = table(
    [
      ...['connections', 'refreshes a day', 'Actions a day', 'MongoDB operations a day'],
      ...['refreshes a second', 'look-ups a second'],
    ],
    sizes,
  );
  return `${unitTable}\n\n${sizeTable}`;
}

function sumText({ refresh, caller }: UnitCosts['operations']): string {
  return `${refresh + caller} (worker ${refresh}, caller ${caller})`;
}
