import { formsOf } from './forms.js';
import { isOrdinaryText } from './ordinary-text.js';

/** So many last bytes of a form are looked for; what they find is then compared in full. */
const ANCHOR = 8;
/** Bits of the filter for each anchor: one byte in 32 is looked at twice. */
const BITS_PER_ANCHOR = 32;
const MIN_FILTER_BITS = 2 ** 16;

/** A secret that was found, and the forms it may have been found in. */
export interface FoundSecret {
  text: string;
  forms: string[];
}

/**
 * Secrets by the last 8 bytes of each of their forms. A scan reads every byte of a payload once,
 * however many secrets there are: a rolling window of 8 bytes, a bit filter, and a full comparison
 * for the few that pass.
 */
export class SecretIndex {
  readonly #capacity: number;
  /** In the order of registration. */
  readonly #texts = new Set<string>();
  readonly #anchors = new Map<number, string | string[]>();
  #filter = new Uint32Array(MIN_FILTER_BITS / 32);
  #shift = 32 - Math.log2(MIN_FILTER_BITS);
  /** Anchors whose bits are set, although the secret is forgotten. */
  #stale = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many secrets are known. */
  get size(): number {
    return this.#texts.size;
  }

  /** Remembers a secret, and forgets the oldest one when there are too many. */
  add(text: string): void {
    if (this.#texts.delete(text)) {
      this.#texts.add(text);
      return;
    }
    if (isOrdinaryText(text)) return;
    this.#texts.add(text);
    for (const hash of anchorsOf(text)) this.#link(hash, text);
    const [oldest] = this.#texts;
    if (this.#texts.size > this.#capacity && oldest !== undefined) this.#forget(oldest);
    const wanted = this.#anchors.size * BITS_PER_ANCHOR;
    if (wanted > this.#filter.length * 32 || this.#stale > this.#anchors.size) this.#rebuild();
  }

  /** A secret that stands in the bytes in one of its forms; null: none of them does. */
  findIn(bytes: Buffer): FoundSecret | null {
    if (this.#texts.size === 0 || bytes.length < ANCHOR) return null;
    const filter = this.#filter;
    const shift = this.#shift;
    let checked: Set<string> | null = null;
    let high = 0;
    let low = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      high = (high << 8) | (low >>> 24);
      low = (low << 8) | (bytes[at] ?? 0);
      const hash = hashOf(high, low);
      const bit = hash >>> shift;
      if (((filter[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) continue;
      const candidates = this.#anchors.get(hash);
      if (candidates === undefined) continue;
      checked ??= new Set();
      for (const text of typeof candidates === 'string' ? [candidates] : candidates) {
        if (checked.has(text)) continue;
        checked.add(text);
        const forms = formsOf(text);
        if (forms.some((form) => bytes.includes(form))) return { text, forms };
      }
    }
    return null;
  }

  #link(hash: number, text: string): void {
    const linked = this.#anchors.get(hash);
    if (linked === undefined) this.#anchors.set(hash, text);
    else this.#anchors.set(hash, typeof linked === 'string' ? [linked, text] : [...linked, text]);
    this.#setBit(hash);
  }

  #forget(text: string): void {
    this.#texts.delete(text);
    for (const hash of anchorsOf(text)) {
      const linked = this.#anchors.get(hash);
      const left = typeof linked === 'object' ? linked.filter((other) => other !== text) : [];
      if (left.length > 0) this.#anchors.set(hash, left);
      else if (this.#anchors.delete(hash)) this.#stale += 1;
    }
  }

  #rebuild(): void {
    const wanted = Math.max(this.#anchors.size * BITS_PER_ANCHOR, MIN_FILTER_BITS);
    const exponent = Math.ceil(Math.log2(wanted)) + 1;
    this.#filter = new Uint32Array(2 ** exponent / 32);
    this.#shift = 32 - exponent;
    this.#stale = 0;
    for (const hash of this.#anchors.keys()) this.#setBit(hash);
  }

  #setBit(hash: number): void {
    const bit = hash >>> this.#shift;
    this.#filter[bit >>> 5] = (this.#filter[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }
}

/** The hashes of the ends of a secret's forms. */
function anchorsOf(text: string): Set<number> {
  const ends = formsOf(text).map((form) => Buffer.from(form).subarray(-ANCHOR));
  return new Set(
    ends
      .filter((end) => end.length === ANCHOR)
      .map((end) => hashOf(end.readInt32BE(0), end.readInt32BE(4))),
  );
}

function hashOf(high: number, low: number): number {
  const mixed = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b);
  return Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35);
}
