const MIN_LENGTH = 12;
const MAX_LENGTH = 64 * 1024;

/** Words in any of the ways names are written: `read:accounts`, `tokenLifecycle`, `a.b/c-d`. */
const NAMES = /^[A-Za-z](?:[a-z]|[A-Z](?=[a-z])|[._:/ -]+(?=[A-Za-z]))*$/;
/** Where a word begins. Among random letters words are short: three on the average, not six. */
const WORD = /[A-Z]|[._:/ -]+[A-Za-z]/g;
const SHORT_WORD = 6;
const NUMBERS_AND_TIMES = /^[\d\s:.,TZ+-]*$/;
/** What only JSON has; a token may hold it by RFC 6749, and none does. */
const JSON_PUNCTUATION = /["{}\\]/;

/**
 * Whether a text cannot be told from ordinary text. An authorization server chooses its tokens: one
 * that issued `"generation":1` as a token must not have every payload with it refused.
 */
export function isOrdinaryText(text: string): boolean {
  if (text.length < MIN_LENGTH || text.length > MAX_LENGTH) return true;
  return isName(text) || NUMBERS_AND_TIMES.test(text) || JSON_PUNCTUATION.test(text);
}

function isName(text: string): boolean {
  if (!NAMES.test(text)) return false;
  const words = text.slice(1).match(WORD)?.length ?? 0;
  return text.length / (words + 1) >= SHORT_WORD;
}
