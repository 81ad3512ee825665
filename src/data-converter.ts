import { pathToFileURL } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { InputError } from './failures.js';

/**
 * Loads the token deployment's data converter from a module that exports it as `dataConverter`.
 *
 * @param path - `OAUTH_TOKENS_DATA_CONVERTER`; null: Temporal's default
 * @throws InputError when the module cannot be loaded or exports none
 */
export async function loadDataConverter(path: string | null): Promise<DataConverter | undefined> {
  if (path === null) return undefined;
  let module: { dataConverter?: unknown };
  try {
    const specifier = /^(\.|\/)/.test(path) ? pathToFileURL(path).href : path;
    module = (await import(specifier)) as { dataConverter?: unknown };
  } catch {
    throw new InputError(`OAUTH_TOKENS_DATA_CONVERTER: the module ${path} cannot be loaded.`);
  }
  if (typeof module.dataConverter !== 'object' || module.dataConverter === null) {
    throw new InputError(`OAUTH_TOKENS_DATA_CONVERTER: ${path} does not export dataConverter.`);
  }
  return module.dataConverter;
}
