import type { DataConverter } from '@temporalio/common';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from './config.js';

const VARIABLE = 'OAUTH_TOKENS_DATA_CONVERTER';

/**
 * Loads the token deployment's data converter: a module with the export `dataConverter`, or one
 * whose default export is it.
 *
 * @param path - a file, relative to the working directory, or the name of a package; null: none
 * @throws ConfigError when there is no such module, or it is not a data converter
 */
export async function loadDataConverter(path: string | null): Promise<DataConverter | undefined> {
  if (path === null) return undefined;
  const found = converterIn(await importModule(path));
  if (found === null) {
    throw new ConfigError([
      `${VARIABLE} must be a module that exports \`dataConverter\`, an object with ` +
        'payloadConverterPath, failureConverterPath or payloadCodecs',
    ]);
  }
  return found;
}

async function importModule(path: string): Promise<Record<string, unknown>> {
  let url: string;
  try {
    url = moduleUrl(path);
  } catch {
    throw new ConfigError([`${VARIABLE} names a module that is not there`]);
  }
  try {
    return (await import(url)) as Record<string, unknown>;
  } catch (error) {
    // What the module itself throws is foreign text: only its class is told.
    const name = error instanceof Error ? error.name : typeof error;
    throw new ConfigError([`${VARIABLE} names a module that does not load (${name})`]);
  }
}

function moduleUrl(path: string): string {
  const file = resolve(path);
  const isFile = isAbsolute(path) || path.startsWith('.') || existsSync(file);
  const found = isFile ? file : createRequire(join(process.cwd(), 'package.json')).resolve(path);
  if (!existsSync(found)) throw new Error('not there');
  return pathToFileURL(found).href;
}

/** CommonJS modules arrive with all their exports as the default one. */
function converterIn(module: Record<string, unknown>): DataConverter | null {
  const fallback = module['default'];
  const candidates = [module['dataConverter'], memberOf(fallback), fallback];
  return candidates.find(isDataConverter) ?? null;
}

function memberOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'dataConverter' in value
    ? value.dataConverter
    : undefined;
}

function isDataConverter(value: unknown): value is DataConverter {
  if (typeof value !== 'object' || value === null) return false;
  return ['payloadConverterPath', 'failureConverterPath', 'payloadCodecs'].some(
    (name) => name in value,
  );
}
