#!/usr/bin/env node
import { runCli } from './run-cli.js';

/** What is left open, such as a connection that never came about, must not keep the process. */
const LINGER_MS = 1_000;

process.stdout.on('error', () => undefined);
process.exitCode = await runCli({
  argv: process.argv.slice(2),
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
});
setTimeout(() => process.exit(), LINGER_MS).unref();
