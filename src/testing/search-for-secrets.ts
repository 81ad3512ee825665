import { searchFormsOf, textsOf } from '../known-secrets.js';

/** A secret that was found; its text is not told. */
export interface SecretFinding {
  /** Which one, by its place in the list that was searched for. */
  secret: number;
  /** Where, as it is written in code: `result.payloads[0].data`; empty: the value itself. */
  path: string;
}

/** A history as `WorkflowHandle.fetchHistory` returns it, or one exported as JSON. */
export interface HistoryLike {
  events?: readonly object[] | null;
}

/**
 * Searches a text, bytes, or everything inside an object for secrets: as they are, inside JSON,
 * URL-encoded, as hex, in base64 of whatever surrounds them, each in UTF-8 and UTF-16.
 *
 * @throws TypeError when there is nothing to search for
 */
export function searchForSecrets(value: unknown, secrets: readonly string[]): SecretFinding[] {
  return searchFor(secrets)(value);
}

/**
 * Throws when an event of a workflow history holds a secret. The error names the event and the
 * member, never the secret.
 *
 * @throws TypeError when there is no event or no secret: such a search would prove nothing
 * @example
 * ```ts
 * expectNoSecretsIn(await handle.fetchHistory(), [clientSecret, ...server.ledger.secrets()]);
 * ```
 */
export function expectNoSecretsIn(history: HistoryLike, secrets: readonly string[]): void {
  const events = history.events ?? [];
  if (events.length === 0) throw new TypeError('The history has no events.');
  const search = searchFor(secrets);
  const found = events.flatMap((event, at) =>
    search(event).map(
      ({ secret, path }) =>
        `Event ${eventId(event, at)} holds secret ${secret + 1} of ${secrets.length} at ${path}.`,
    ),
  );
  if (found.length > 0) throw new Error(found.join('\n'));
}

function searchFor(secrets: readonly string[]): (value: unknown) => SecretFinding[] {
  if (secrets.length === 0 || secrets.includes('')) {
    throw new TypeError('Secrets to search for are needed, none of them empty.');
  }
  const forms = secrets.map(searchFormsOf);
  return (value) => {
    const found: SecretFinding[] = [];
    for (const { path, text } of textsOf(value)) {
      const readings = readingsOf(path, text);
      forms.forEach((any, secret) => {
        if (any.some((form) => readings.some((reading) => reading.includes(form)))) {
          found.push({ secret, path });
        }
      });
    }
    return found;
  };
}

/** The data of a payload is base64 in an exported history: what it stands for is searched too. */
function readingsOf(path: string, text: string | Uint8Array): string[] {
  if (typeof text !== 'string') {
    const bytes = Buffer.from(text);
    return [bytes.toString('latin1'), bytes.toString('utf8')];
  }
  if (!/(^|\.)data$/.test(path)) return [text];
  return [text, Buffer.from(text, 'base64').toString('utf8')];
}

function eventId(event: object, at: number): string {
  const id: unknown = 'eventId' in event ? event.eventId : undefined;
  // A number, its text, or the Long of a history that was fetched.
  return /^\d+$/.test(String(id)) ? String(id) : String(at + 1);
}
