/** What happens while the workflow calls the API, as lines a person likes to read. */
import type { ChangeStreamUpdateDocument } from 'mongodb';
import type { TokenDocument } from '../../src/store/index.js';
import type { ApiRequest } from '../system/superservice-api.js';
import { line, paint } from './print.js';
import type { DemoSystem } from './system.js';

const LOOK_MS = 50;

interface Moment {
  atMs: number;
  show(): void;
}

/** Watches API calls and commits, and prints them in order until it is told to stop. */
export class Timeline {
  readonly #system: DemoSystem;
  readonly #startedAt = Date.now();
  #calls = 0;
  #seenRequests = 0;
  #generation = 0;
  #expiresAt = 0;
  #rejected = false;
  #moments: Moment[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closeStream: () => Promise<void> = () => Promise.resolve();

  constructor(system: DemoSystem) {
    this.#system = system;
  }

  /** Begins with the record as it is. */
  async start(): Promise<void> {
    const tokens = this.#system.mongo.db().collection<TokenDocument>('tokens');
    const record = await tokens.findOne({ _id: 'superservice' });
    if (record !== null && record.generation > 0) this.#committed(record);
    const stream = tokens.watch<TokenDocument, ChangeStreamUpdateDocument<TokenDocument>>([], {
      fullDocument: 'updateLookup',
    });
    stream.on('change', (change) => {
      if (change.fullDocument !== undefined) this.#committed(change.fullDocument);
    });
    stream.on('error', () => undefined);
    this.#closeStream = () => stream.close();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Says what happens to the token from outside. */
  tell(symbol: string, text: string, remark: string): void {
    this.#at(Date.now(), () => this.#event(Date.now(), symbol, text, remark));
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#closeStream();
    this.#look(Infinity);
    this.#endCalls();
  }

  #committed(record: TokenDocument): void {
    if (record.generation <= this.#generation || record.issuedAt === null) return;
    const issuedAt = record.issuedAt.getTime();
    const aheadMs = this.#expiresAt - issuedAt;
    const because = this.#because(record.generation, aheadMs);
    this.#generation = record.generation;
    this.#expiresAt = record.expiresAt?.getTime() ?? 0;
    this.#rejected = false;
    this.#at(issuedAt, () =>
      this.#event(issuedAt, '▸', `generation ${record.generation} issued`, because),
    );
  }

  #because(generation: number, aheadMs: number): string {
    if (generation === 1) return 'requested once, for the whole cluster';
    if (this.#rejected) return `because the API refused generation ${generation - 1}`;
    return `${(aheadMs / 1_000).toFixed(1)} s ahead of expiry; nobody waited`;
  }

  /** Puts what was seen into order: a commit may be told after the call it served. */
  #look(until = Date.now() - 4 * LOOK_MS): void {
    const { requests } = this.#system.api;
    for (; this.#seenRequests < requests.length; this.#seenRequests += 1) {
      const request = requests[this.#seenRequests];
      if (request === undefined || request.status === null) break;
      if (request.status === 401) this.#rejected = true;
      // A call stands after the commit that served it, and a refusal before the one it led to.
      const after = request.status === 200 ? LOOK_MS : 0;
      this.#at(request.at.getTime() + after, () => this.#call(request));
    }
    this.#moments.sort((a, b) => a.atMs - b.atMs);
    const due = this.#moments.filter((moment) => moment.atMs <= until);
    this.#moments = this.#moments.filter((moment) => moment.atMs > until);
    for (const moment of due) moment.show();
  }

  #call(request: ApiRequest): void {
    if (request.status !== 200) {
      const at = request.at.getTime();
      return this.#event(at, '✗', `the API answers ${request.status}`, 'to the revoked token');
    }
    if (this.#calls === 0) process.stdout.write(' '.repeat(12));
    process.stdout.write(paint('green', '·'));
    this.#calls += 1;
  }

  #event(at: number, symbol: string, text: string, remark: string): void {
    this.#endCalls();
    const seconds = Math.max((at - this.#startedAt) / 1_000, 0).toFixed(1);
    const colour = symbol === '✗' ? 'red' : 'cyan';
    line(
      `${seconds.padStart(8)} s  ${paint(colour, `${symbol} ${text.padEnd(32)}`)} ${paint('dim', remark)}`,
    );
  }

  #endCalls(): void {
    if (this.#calls > 0)
      line(paint('dim', `  ${this.#calls} API ${this.#calls === 1 ? 'call' : 'calls'}`));
    this.#calls = 0;
  }

  #at(atMs: number, show: () => void): void {
    this.#moments.push({ atMs, show });
  }
}
