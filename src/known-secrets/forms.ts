/** Bytes before the first full character of a core, by how far the secret is shifted in its group. */
const CORE_STARTS = [0, 2, 3];

/**
 * The forms in which a secret may stand in a payload or a log line: as it is, inside JSON, in a URL
 * or a form, as hex, and inside base64 of whatever surrounds it.
 */
export function formsOf(secret: string): string[] {
  const encoded = [secret, encodeURIComponent(secret), formEncoded(secret)];
  return unique([
    ...encoded,
    JSON.stringify(secret).slice(1, -1),
    ...bytesForms(Buffer.from(secret)),
    ...unique(encoded.slice(1)).flatMap((text) => base64Cores(Buffer.from(text))),
  ]);
}

/** {@link formsOf}, and those of a search through everything a system leaves behind: UTF-16 too. */
export function searchFormsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const utf16 = Buffer.from(secret, 'utf16le');
  return unique([
    ...formsOf(secret),
    bytes.toString('latin1'),
    utf16.toString('latin1'),
    ...bytesForms(utf16),
  ]);
}

function bytesForms(bytes: Buffer): string[] {
  return [bytes.toString('hex'), ...base64Cores(bytes)];
}

/** The part of the base64 that is the same whatever stands around the bytes. */
function base64Cores(bytes: Buffer): string[] {
  return CORE_STARTS.flatMap((start, shift) =>
    (['base64', 'base64url'] as const).map((alphabet) => {
      const shifted = shift === 0 ? bytes : Buffer.concat([Buffer.alloc(shift), bytes]);
      return shifted.toString(alphabet).replace(/=+$/, '').slice(start, -1);
    }),
  );
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

function unique(texts: string[]): string[] {
  return [...new Set(texts)];
}
