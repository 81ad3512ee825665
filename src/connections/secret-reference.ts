import { z } from 'zod';

/** Where a secret of a connection file comes from; the file never holds the secret itself. */
export type SecretReference = { env: string } | { file: string };

/** The option that brings a secret on standard input. */
export type StdinFlag = '--client-secret-stdin' | '--refresh-token-stdin';

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/;

/** Whether a member says where its secret comes from. */
export function isSecretReference(value: unknown): value is SecretReference {
  if (typeof value !== 'object' || value === null) return false;
  const members: [string, unknown][] = Object.entries(value);
  const [name, where] = members[0] ?? [];
  if (members.length !== 1 || typeof where !== 'string') return false;
  return name === 'env' ? VARIABLE.test(where) : name === 'file' && /^[^\0]{1,4096}$/.test(where);
}

/** A member that says where a secret comes from; a literal is refused and never repeated. */
export function secretReference(flag: StdinFlag): z.ZodType<SecretReference> {
  return z.custom<SecretReference>(isSecretReference, {
    error: ({ input }) => secretProblem(input, flag),
  });
}

function secretProblem(value: unknown, flag: StdinFlag): string {
  const right = `give { "env": NAME }, { "file": PATH } or ${flag}`;
  if (typeof value === 'string') {
    return `must not be the secret itself, because the file would have to be kept secret too: ${right}`;
  }
  if (typeof value === 'object' && value !== null && 'sealed' in value) {
    return `must say where the secret comes from ("sealed" is only how it is shown): ${right}`;
  }
  return `must say where the secret comes from: ${right}`;
}
