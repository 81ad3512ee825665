import { SecretIndex } from './known-secrets/secret-index.js';
import { holdsTokenShape, isSecretName, redactTokenShapes } from './known-secrets/token-shapes.js';
import { Secret } from './secret.js';

export { searchFormsOf } from './known-secrets/forms.js';
export { textsOf, type PlacedText } from './known-secrets/texts-of.js';

/**
 * How many secrets are remembered; the one registered longest ago goes first. Twice what a token
 * source keeps, so that tokens that have just been replaced are still known.
 */
const CAPACITY = 20_000;
const REDACTED = '[redacted]';

const known = new SecretIndex(CAPACITY);

/** What to look for. */
export interface ScanOptions {
  /** Also what only looks like a token: a JWT, `Bearer …`, `"access_token":"…"`, a private key. */
  tokenShapes: boolean;
}

/**
 * Makes a secret known to this process: the leak guard refuses payloads that hold it, and the log
 * shows `[redacted]` in its place. Every token, client secret and refresh token that this package
 * opens, sends or is issued is registered already.
 *
 * A text of fewer than 12 characters, or one that reads like a name, a number or a time, is not
 * taken: it cannot be told from ordinary text.
 */
export function registerSecret(secret: string | Secret): void {
  known.add(secret instanceof Secret ? secret.reveal() : secret);
}

/** Whether bytes hold a known secret, as it is or encoded, or something that looks like a token. */
export function holdsSecret(
  bytes: Uint8Array | readonly number[],
  { tokenShapes }: ScanOptions,
): boolean {
  // Protobuf has a plain array for no bytes.
  const buffer = ArrayBuffer.isView(bytes)
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : Buffer.from(bytes);
  return known.findIn(buffer) !== null || (tokenShapes && holdsTokenShape(buffer));
}

/** The text without known secrets and without what looks like a token. */
export function redactSecrets(text: string): string {
  let clean = text;
  let found = known.findIn(Buffer.from(clean));
  while (found !== null) {
    clean = found.forms.reduce((left, form) => left.replaceAll(form, REDACTED), clean);
    const next = known.findIn(Buffer.from(clean));
    // What cannot be taken out as text is not shown at all.
    if (next?.text === found.text) return REDACTED;
    found = next;
  }
  return redactTokenShapes(clean, REDACTED);
}

/**
 * The same for a line of JSON, which stays JSON. One search for a line; only one with a find is taken
 * apart.
 */
export function redactJson(line: string): string {
  if (redactSecrets(line) === line) return line;
  const end = line.endsWith('\n') ? '\n' : '';
  return JSON.stringify(redactMembers(JSON.parse(line), '')) + end;
}

function redactMembers(value: unknown, name: string): unknown {
  if (typeof value === 'string') return isSecretName(name) ? REDACTED : redactSecrets(value);
  if (Array.isArray(value)) return value.map((item) => redactMembers(item, name));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([inner, member]) => [
    redactSecrets(inner),
    redactMembers(member, inner),
  ]);
  return Object.fromEntries(entries) as unknown;
}
