import type { Socket } from 'node:net';

export type Direction = 'to_server' | 'to_client';

/** What happens to bytes on their way. */
export type RelayMode =
  | { do: 'pass' }
  /** Each byte arrives so much later, in both directions. */
  | { do: 'delay'; ms: number }
  /** The connection ends after so many more bytes in one direction; the other one passes. */
  | { do: 'cut'; direction: Direction; afterBytes: number }
  /** Connections are accepted, and nothing arrives; in one direction when it is given. */
  | { do: 'stall'; direction?: Direction }
  /** One byte at a time, with a pause after each. */
  | { do: 'trickle'; everyMs: number };

/** One direction of a connection. */
export interface RelayInput {
  from: Socket;
  to: Socket;
  direction: Direction;
  mode: RelayMode;
  /** Ends the connection, when what may pass has been written. */
  cut: () => void;
}

/** A chunk that came, and when; null: the end. */
interface Arrived {
  chunk: Buffer | null;
  at: number;
}

/** So much waits here before the sender is slowed down. */
const HIGH_WATER = 1024 * 1024;

/** Passes the bytes of one direction on, in their order, in a manner that can be changed. */
export class ByteRelay {
  readonly #input: RelayInput;
  readonly #queue: Arrived[] = [];
  #held = 0;
  #mode: RelayMode;
  /** Bytes that went through since the mode was set. */
  #passed = 0;
  /** Ends a pause early, because the mode has changed. */
  #wake: () => void = () => undefined;
  #running = false;

  constructor(input: RelayInput) {
    this.#input = input;
    this.#mode = input.mode;
    const { from } = input;
    from.on('data', (chunk: Buffer) => this.#arrive(chunk));
    from.on('end', () => this.#arrive(null));
  }

  set(mode: RelayMode): void {
    this.#mode = mode;
    this.#passed = 0;
    this.#wake();
    void this.#run();
  }

  #arrive(chunk: Buffer | null): void {
    this.#queue.push({ chunk, at: performance.now() });
    this.#held += chunk?.length ?? 0;
    if (this.#held > HIGH_WATER) this.#input.from.pause();
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    const { direction } = this.#input;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const mode = this.#mode;
      if (mode.do === 'stall' && (mode.direction ?? direction) === direction) break;
      if (mode.do === 'delay') {
        const left = next.at + mode.ms - performance.now();
        // Looked at again afterwards: the mode may be another one.
        if (left > 0) await this.#pause(left);
        if (left > 0) continue;
      }
      await this.#pass(next, mode);
    }
    this.#running = false;
  }

  async #pass(next: Arrived, mode: RelayMode): Promise<void> {
    const { to } = this.#input;
    if (next.chunk === null) {
      this.#queue.shift();
      to.end();
      return;
    }
    const limit = this.#limit(mode);
    const bytes = next.chunk.subarray(0, limit);
    next.chunk = next.chunk.subarray(bytes.length);
    if (next.chunk.length === 0) this.#queue.shift();
    this.#passed += bytes.length;
    this.#held -= bytes.length;
    if (this.#held <= HIGH_WATER) this.#input.from.resume();
    await write(to, bytes);
    if (this.#mode === mode && this.#limit(mode) === 0) {
      this.#queue.length = 0;
      this.#input.cut();
    }
    if (mode.do === 'trickle') await this.#pause(mode.everyMs);
  }

  /** How many bytes may pass now. */
  #limit(mode: RelayMode): number {
    if (mode.do === 'trickle') return 1;
    if (mode.do !== 'cut' || mode.direction !== this.#input.direction) return Infinity;
    return Math.max(mode.afterBytes - this.#passed, 0);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Written and flushed; a socket that was closed meanwhile takes everything. */
function write(to: Socket, bytes: Buffer): Promise<void> {
  if (bytes.length === 0 || !to.writable) return Promise.resolve();
  return new Promise((resolve) => void to.write(bytes, () => resolve()));
}
