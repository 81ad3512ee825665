/** The parent's side of a faulty worker. */
import { fork, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Command, Order, Point, Report } from './orders.js';
import { until } from '../../support/until.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const ENTRY = fileURLToPath(new URL('./faulty-worker.ts', import.meta.url));

/** A point that a worker passed, and when (`performance.now()` of the parent). */
export type Passed = Extract<Report, { type: 'passed' }> & { at: number };

/** How a faulty worker is started. */
export interface FaultyWorkerOptions {
  name: string;
  environment: NodeJS.ProcessEnv;
  /** The prebuilt workflow bundle. */
  codePath: string;
  clockShiftMs?: number;
}

/** An order that was given. */
export interface Given {
  /** Settles when the worker is at the point; for `kill` when it is dead, for `stop` when it stands still. */
  reached: Promise<void>;
  /** Lets a worker that waits go on. */
  go(): void;
}

/** A token worker process that does what it is told at points of the protocol. */
export class FaultyWorker {
  readonly name: string;
  /** Every point passed, in order. */
  readonly passed: Passed[] = [];
  /** Crash windows in microseconds: response read to commit acknowledged. */
  readonly windows: number[] = [];
  readonly ended: Promise<{ status: number | null; signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  readonly #reached = new Map<number, () => void>();
  readonly #taken: (() => void)[] = [];
  #orders = 0;
  #hasEnded = false;
  #stdout = '';
  #stderr = '';

  constructor({ name, environment, codePath, clockShiftMs = 0 }: FaultyWorkerOptions) {
    this.name = name;
    this.#child = fork(ENTRY, [], {
      cwd: ROOT,
      execArgv: ['--import', 'tsx'],
      env: {
        ...environment,
        FAULT_WORKFLOW_BUNDLE: codePath,
        FAULT_WORKER_NAME: name,
        FAULT_CLOCK_SHIFT_MS: String(clockShiftMs),
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const killWithTests = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', killWithTests);
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (status, signal) => {
        this.#hasEnded = true;
        process.removeListener('exit', killWithTests);
        resolve({ status, signal });
      });
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#child.on('message', (report: Report) => this.#take(report));
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether it has passed a point so often. */
  hasPassed(point: Point, times: number): boolean {
    return this.passed.filter((one) => one.point === point).length >= times;
  }

  /** Waits until it is ready. @throws Error with what it printed when it ends before */
  async ready(): Promise<void> {
    await until(`worker ${this.name} is ready`, () => {
      if (this.#hasEnded) throw new Error(`It ended.\n${this.#stdout}${this.#stderr}`);
      return this.#stdout.includes('worker ready');
    });
  }

  /** Gives an order and waits until the worker has taken it. */
  async order(order: Order): Promise<Given> {
    const id = (this.#orders += 1);
    const taken = new Promise<void>((resolve) => this.#taken.push(resolve));
    const told = new Promise<void>((resolve) => this.#reached.set(id, resolve));
    this.#send({ type: 'order', id, order });
    await taken;
    const follow: Record<Order['does'], () => Promise<unknown>> = {
      kill: () => this.ended,
      stop: () => this.#standsStill(),
      wait: () => Promise.resolve(),
    };
    const reached = told.then(async () => void (await follow[order.does]()));
    return { reached, go: () => this.#send({ type: 'go', id }) };
  }

  /** Its wall clock is off by this much from now on. */
  shiftClock(shiftMs: number): void {
    this.#send({ type: 'clock', shiftMs });
  }

  /** SIGKILL, and waits until it is dead. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** SIGSTOP, and waits until it stands still. */
  async stop(): Promise<void> {
    this.#child.kill('SIGSTOP');
    await this.#standsStill();
  }

  /** SIGCONT. */
  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** SIGTERM, and waits until it has ended in its own time. */
  async end(): Promise<{ status: number | null; signal: NodeJS.Signals | null }> {
    if (!this.#hasEnded) {
      this.#child.kill('SIGTERM');
      this.resume();
    }
    return this.ended;
  }

  #send(command: Command): void {
    this.#child.send(command);
  }

  async #standsStill(): Promise<void> {
    await until(`worker ${this.name} stands still`, async () => {
      const stat = await readFile(`/proc/${this.#child.pid}/stat`, 'latin1');
      return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
    });
  }

  #take(report: Report): void {
    switch (report.type) {
      case 'taken':
        return this.#taken.shift()?.();
      case 'reached':
        return this.#reached.get(report.id)?.();
      case 'passed':
        return void this.passed.push({ ...report, at: performance.now() });
      case 'window':
        return void this.windows.push(report.us);
    }
  }
}
