import { defineConfig } from 'vitest/config';

const unit = {
  name: 'unit',
  include: ['test/**/*.test.ts'],
  exclude: [
    'test/integration/**',
    'test/e2e/**',
    'test/browser/**',
    'test/cli/**',
    'test/connect/*.test.ts',
    'test/connections/put-*.test.ts',
    'test/replay/**',
    'test/faults/*.test.ts',
  ],
  // The longest explorations take a few seconds alone, and many on a busy machine.
  testTimeout: 120_000,
};

const servers = {
  name: 'servers',
  include: [
    'test/integration/**/*.test.ts',
    'test/e2e/**/*.test.ts',
    'test/cli/**/*.test.ts',
    'test/connect/*.test.ts',
    'test/connections/put-*.test.ts',
    'test/replay/*.test.ts',
    'test/faults/*.test.ts',
  ],
  exclude: ['test/faults/*.long.test.ts'],
  globalSetup: ['test/support/global-servers.ts'],
  setupFiles: ['test/support/quiet.ts'],
  testTimeout: 120_000,
  hookTimeout: 120_000,
};

/** In a real browser; where none is found it says so. */
const browser = {
  ...servers,
  name: 'browser',
  include: ['test/browser/*.test.ts'],
  globalSetup: ['test/support/browser-servers.ts'],
};

/** What is broken on purpose, the long ones too. */
const faults = {
  ...servers,
  name: 'faults',
  include: ['test/faults/*.test.ts'],
  exclude: [],
};

/** Not a test: writes test/histories anew. */
const record = {
  ...servers,
  name: 'record',
  include: ['test/replay/*.record.ts'],
};

export default defineConfig({
  test: {
    // Two cores and real servers: more files at once only wait for each other.
    maxWorkers: 2,
    projects: [
      { test: unit },
      { test: servers },
      { test: browser },
      { test: faults },
      { test: record },
    ],
  },
});
