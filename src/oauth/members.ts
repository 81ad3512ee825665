/** The members of an answer, JSON or form-encoded; a map, so that `__proto__` is a name like any. */
export type Members = ReadonlyMap<string, unknown>;

/** An answer's text and whether it is all of it. */
export interface AnswerText {
  readonly text: string;
  /** Whether everything was read that was sent. */
  readonly complete: boolean;
  /** Whether its length was announced, so that a connection that broke cannot pass for its end. */
  readonly delimited: boolean;
}

const FORM_START = /^[\w.~%+*-]+=/;
const FORM = /^[\w.~%+*-]+=[^\s<>{}"]*$/;

/**
 * Reads an answer as JSON object or as form parameters, whatever its content type says, and of
 * members given twice the last one. Undefined: it is neither, or a form that may have been cut, while
 * a JSON object that closes is whole.
 */
export function parseMembers({ text, complete, delimited }: AnswerText): Members | undefined {
  const trimmed = text.trim();
  if (trimmed.startsWith('{')) return parseJsonObject(trimmed);
  if (complete && delimited && FORM.test(trimmed)) return new Map(new URLSearchParams(trimmed));
  return undefined;
}

/**
 * Saves a refresh token out of an answer that cannot be read, or has it in an unknown place: the old
 * one may be replaced already. Only a whole one: its closing quote, or the next `&`, must be there.
 */
export function salvageRefreshToken({ text, complete, delimited }: AnswerText): string | null {
  const trimmed = text.trim();
  return FORM_START.test(trimmed)
    ? salvageFromForm(trimmed, complete && delimited)
    : salvageFromJson(trimmed);
}

function parseJsonObject(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return new Map(Object.entries(value));
  } catch {
    // The parser's message quotes the text.
    return undefined;
  }
}

function salvageFromJson(text: string): string | null {
  let found: string | null = null;
  for (const match of text.matchAll(/"refresh_token"\s*:\s*"/g)) {
    const start = match.index + match[0].length;
    const end = closingQuote(text, start);
    if (end !== -1) found = parseJsonString(text.slice(start - 1, end + 1)) ?? found;
  }
  return found;
}

/** Scans by hand: a regular expression would need a stack as deep as the text is long. */
function closingQuote(text: string, start: number): number {
  for (let index = start; index < text.length; index += 1) {
    if (text[index] === '"') return index;
    if (text[index] === '\\') index += 1;
  }
  return -1;
}

function parseJsonString(literal: string): string | null {
  try {
    const value: unknown = JSON.parse(literal);
    return typeof value === 'string' && value !== '' ? value : null;
  } catch {
    return null;
  }
}

function salvageFromForm(text: string, whole: boolean): string | null {
  const sure = whole ? text : text.slice(0, text.lastIndexOf('&') + 1);
  const values = new URLSearchParams(sure).getAll('refresh_token');
  return values.filter((value) => value !== '').at(-1) ?? null;
}
