import { readFile } from 'node:fs/promises';
import { WEBHOOK_SECRET_RULE, webhookKeyOf } from '../events/index.js';
import { InputError } from '../failures.js';
import { registerSecret } from '../known-secrets.js';
import { Secret } from '../secret.js';

/**
 * Reads the secrets that webhooks are signed with, one a line: two while they are exchanged.
 *
 * @param path - of the file
 * @throws InputError when it cannot be read, or a line is no secret; it says which, not what it holds
 */
export async function readWebhookSecrets(path: string): Promise<Secret[]> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) throw new InputError(`The webhook secret file ${path} cannot be read.`);
  const lines = text.split('\n').map((line, index) => ({ line: line.trim(), number: index + 1 }));
  const given = lines.filter(({ line }) => line !== '');
  if (given.length === 0) {
    throw new InputError(
      `The webhook secret file ${path} is empty: it must hold ${WEBHOOK_SECRET_RULE}.`,
    );
  }
  return given.map(({ line, number }) => {
    if (webhookKeyOf(line) === null) {
      throw new InputError(
        `Line ${number} of the webhook secret file ${path} must be ${WEBHOOK_SECRET_RULE}.`,
      );
    }
    registerSecret(line);
    return new Secret(line);
  });
}
