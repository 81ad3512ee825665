/** The search of `temporal-oauth-tokens/testing` over texts that are put together first. */
import { textsOf } from '../../src/known-secrets.js';
import { searchForSecrets } from '../../src/testing/index.js';

/** Every text in a value: its strings, its names, and its bytes, each on a line. */
export function textsIn(value: unknown): string {
  const texts = [...textsOf(value)].map(({ text }) =>
    typeof text === 'string' ? text : Buffer.from(text).toString('latin1'),
  );
  return texts.join('\n');
}

/** Which of the secrets a text holds. */
export function secretsIn(text: string, secrets: readonly string[]): string[] {
  const found = new Set(searchForSecrets(text, secrets).map(({ secret }) => secret));
  return secrets.filter((_, at) => found.has(at));
}
