const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/**
 * A text that must not be written down: prints as `[redacted]` everywhere and refuses to become
 * JSON, so that a secret returned by mistake never becomes a Temporal payload or a log line.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The text itself. Call it only where a request is built or a value is sealed. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[redacted]';
  }

  [INSPECT](): string {
    return '[redacted]';
  }

  /** @throws always: a secret has no JSON form. */
  toJSON(): never {
    throw new TypeError('A secret cannot be turned into JSON; call reveal() where it is used.');
  }
}
