import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Secret } from '../secret.js';
import { SECRET_FIELDS, type SecretName } from './cross-member-rules.js';
import type { Problem } from './problems.js';
import type { SecretReference } from './secret-reference.js';

const MAX_SECRET_LENGTH = 64 * 1_024;

/** Where secrets are looked for. */
export interface SecretSources {
  environment: NodeJS.ProcessEnv;
  /** What a file's relative path is relative to: the folder of the connection file. */
  directory: string;
  /** Secrets that came on standard input; they count before what the file says. */
  given?: Partial<Record<SecretName, Secret>>;
}

/**
 * A secret of this command. `unset`: the file names a variable or file that is not there now, which
 * is right when the secret is sealed already; `absent`: nothing is said about it.
 */
export type FoundSecret =
  { found: 'given'; secret: Secret } | { found: 'unset'; problem: string } | { found: 'absent' };

/** The secrets of one command, and what is wrong with them in any case. */
export interface FoundSecrets {
  clientSecret: FoundSecret;
  refreshToken: FoundSecret;
  problems: Problem[];
}

/** Reads the secrets that a connection file refers to. Their values are in no message. */
export async function findSecrets(
  references: Partial<Record<SecretName, SecretReference>>,
  sources: SecretSources,
): Promise<FoundSecrets> {
  const problems: Problem[] = [];
  const find = async (name: SecretName): Promise<FoundSecret> => {
    const given = sources.given?.[name];
    const found: FoundSecret =
      given === undefined
        ? await findReference(references[name], sources)
        : { found: 'given', secret: given };
    if (found.found === 'given') {
      const problem = valueProblem(found.secret);
      if (problem !== null) problems.push({ field: SECRET_FIELDS[name], problem });
    }
    return found;
  };
  return {
    clientSecret: await find('clientSecret'),
    refreshToken: await find('refreshToken'),
    problems,
  };
}

async function findReference(
  reference: SecretReference | undefined,
  { environment, directory }: SecretSources,
): Promise<FoundSecret> {
  if (reference === undefined) return { found: 'absent' };
  if ('env' in reference) {
    const value = environment[reference.env];
    return value === undefined
      ? { found: 'unset', problem: `the environment variable ${reference.env} is not set` }
      : { found: 'given', secret: new Secret(value) };
  }
  try {
    const text = await readFile(resolve(directory, reference.file), 'utf8');
    return { found: 'given', secret: new Secret(withoutNewline(text)) };
  } catch {
    return { found: 'unset', problem: `the file ${reference.file} cannot be read` };
  }
}

/** Files and pipes end with a newline that is not part of the secret: one is cut off. */
export function withoutNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}

function valueProblem(secret: Secret): string | null {
  const value = secret.reveal();
  if (value === '') return 'is empty: set its variable, file or standard input to the secret';
  if (value.length > MAX_SECRET_LENGTH) return `must be at most ${MAX_SECRET_LENGTH} characters`;
  // An editor's last line, a pasted line break: no authorization server issues such a thing.
  return [...value].some((character) => character < ' ' || character === '\u007f')
    ? 'holds a control character such as a line break: remove it'
    : null;
}
