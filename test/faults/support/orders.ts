/** What a faulty worker (faulty-worker.ts) and its parent say to each other. */
import type { RotationEffect, RotationEvent } from '../../../src/contract/rotation-steps.js';

/** Effects that the worker carries out; the others end its run. */
export type EffectName = Exclude<RotationEffect['do'], 'return' | 'fail'>;

/**
 * A place in the rotation protocol: just before or just after one of its effects. `after:send` is a
 * response that was captured (or a failure) and is not yet committed, `after:journal` one that is on
 * the worker's disk.
 */
export type Point = `before:${EffectName}` | `after:${EffectName}` | 'after:journal';

/** What a worker does at a point, once. */
export interface Order {
  point: Point;
  /** `kill`: SIGKILL to itself; `stop`: SIGSTOP, until the parent resumes it; `wait`: until `go`. */
  does: 'kill' | 'stop' | 'wait';
  /** Of this connection only. */
  connectionId?: string;
  /** At the nth time from the order on; 1 when it is not given. */
  nth?: number;
}

/** From the parent. */
export type Command =
  | { type: 'order'; id: number; order: Order }
  | { type: 'go'; id: number }
  /** The process's wall clock is off by this much from now on. */
  | { type: 'clock'; shiftMs: number };

/** From the worker. */
export type Report =
  | { type: 'taken' }
  /** An order is being carried out. */
  | { type: 'reached'; id: number }
  /** Every point that is passed, with what came of the effect. */
  | {
      type: 'passed';
      point: Point;
      connectionId: string;
      event: RotationEvent['type'] | null;
      /** The worker's last token request of this run of the protocol; 0: none yet. */
      send: number;
    }
  /** From the response read to the commit acknowledged, in microseconds. */
  | { type: 'window'; connectionId: string; us: number };
