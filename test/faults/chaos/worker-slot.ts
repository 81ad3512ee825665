import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultSystem, WorkerChanges } from '../support/fault-system.js';
import type { FaultyWorker } from '../support/faulty-worker-process.js';

/** When a worker stood still (`performance.now()`). */
export interface Standstill {
  worker: string;
  from: number;
  to: number;
}

const AGAIN_MS = 1_000;

/** The place of a worker in the deployment: when it is killed, another one takes it. */
export class WorkerSlot {
  /** Workers that ended although nobody killed them, with the end of what they said. */
  readonly deaths: string[] = [];
  readonly standstills: Standstill[] = [];
  readonly #fault: FaultSystem;
  readonly #name: string;
  readonly #changes: WorkerChanges;
  #worker: FaultyWorker | null = null;
  #starting: Promise<void> | null = null;
  #standstill: Standstill | null = null;
  #number = 0;

  constructor(fault: FaultSystem, name: string, changes: WorkerChanges) {
    this.#fault = fault;
    this.#name = name;
    this.#changes = changes;
  }

  /** Starts a worker until one is there: MongoDB or Temporal may be away. */
  start(): Promise<void> {
    return (this.#starting ??= this.#startOne().finally(() => {
      this.#starting = null;
    }));
  }

  /** SIGKILL. @returns whether there was one */
  async kill(): Promise<boolean> {
    const worker = this.#worker;
    if (worker === null) return false;
    this.#worker = null;
    this.#resumed();
    await worker.kill();
    return true;
  }

  /** SIGSTOP. @returns whether there was one that ran */
  async stop(): Promise<boolean> {
    const worker = this.#worker;
    if (worker === null || this.#standstill !== null) return false;
    this.#standstill = { worker: worker.name, from: performance.now(), to: Infinity };
    this.standstills.push(this.#standstill);
    await worker.stop();
    return true;
  }

  /** SIGCONT. */
  resume(): void {
    this.#worker?.resume();
    this.#resumed();
  }

  /** A worker runs in the end. */
  async mend(): Promise<void> {
    this.resume();
    if (this.#worker === null) await this.start();
  }

  /** SIGTERM, and waits: what is under way is finished. */
  async end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.end();
  }

  #resumed(): void {
    if (this.#standstill !== null) this.#standstill.to = performance.now();
    this.#standstill = null;
  }

  async #startOne(): Promise<void> {
    while (this.#worker === null) {
      const name = `${this.#name}${(this.#number += 1)}`;
      try {
        const worker = await this.#fault.startWorker(name, this.#changes);
        this.#worker = worker;
        void worker.ended.then(() => this.#ended(worker));
      } catch {
        await sleep(AGAIN_MS);
      }
    }
  }

  /** By itself: that is worth a look, and another one takes its place. */
  #ended(worker: FaultyWorker): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.deaths.push(`${worker.name}: ${worker.stderr.slice(-600)}`);
    void this.start();
  }
}
