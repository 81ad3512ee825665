/** Finds secrets in whatever a system leaves behind, in the forms in which they may hide there. */

/** Every text in a value: its strings, its names, and its bytes, each on a line. */
export function textsIn(value: unknown): string {
  const lines: string[] = [];
  const seen = new Set<unknown>();
  const visit = (current: unknown): void => {
    if (typeof current === 'string') lines.push(current);
    if (typeof current !== 'object' || current === null || seen.has(current)) return;
    seen.add(current);
    if (current instanceof Uint8Array) {
      lines.push(Buffer.from(current).toString('latin1'));
      return;
    }
    if (current instanceof Map) return [...current].forEach(visit);
    for (const [name, member] of Object.entries(current)) {
      lines.push(name);
      visit(member);
    }
    // Errors keep what they say out of sight.
    if (current instanceof Error) [current.message, current.stack, current.cause].forEach(visit);
  };
  visit(value);
  return lines.join('\n');
}

/** The forms a secret is looked for in. */
function formsOf(secret: string): string[] {
  const utf16 = Buffer.from(secret, 'utf16le');
  const bytes = Buffer.from(secret);
  const encoded = [bytes, utf16].flatMap((plain) => [
    plain.toString('latin1'),
    plain.toString('hex'),
    ...[0, 1, 2].flatMap((shift) => base64Cores(plain, shift)),
  ]);
  return [...new Set([secret, encodeURIComponent(secret), ...encoded])];
}

/** The part of the base64 that is the same whatever stands around the bytes. */
function base64Cores(plain: Buffer, shift: number): string[] {
  const bytes = Buffer.concat([Buffer.alloc(shift), plain]);
  return (['base64', 'base64url'] as const).map((alphabet) => {
    const text = bytes.toString(alphabet).replace(/=+$/, '');
    return text.slice(shift === 0 ? 0 : shift + 1, -1);
  });
}

/** Which of the secrets a text holds. */
export function secretsIn(text: string, secrets: readonly string[]): string[] {
  return secrets.filter((secret) => formsOf(secret).some((form) => text.includes(form)));
}
