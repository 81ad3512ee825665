/** Servers for tests in a real browser: as for the others, with the Temporal UI. */
import type { TestProject } from 'vitest/node';
import { findChromium } from '../browser/chromium.js';
import { startServers } from './global-servers.js';

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const chromium = findChromium();
  project.provide('chromium', chromium);
  if (chromium === null) {
    process.stderr.write(NOT_FOUND);
    return () => Promise.resolve();
  }
  return startServers(project, { ui: true });
}

const NOT_FOUND = `
  ${'!'.repeat(78)}
  NO CHROMIUM: the pages are NOT tested in a browser. Install it (Debian: apt-get
  install chromium), or set CHROMIUM to the path of one.
  ${'!'.repeat(78)}

`;
