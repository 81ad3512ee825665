#!/usr/bin/env node
import { runCli } from './run-cli.js';

/** Waits until everything written has left the process. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve());
  });
}

process.stdout.on('error', () => undefined);
const status = await runCli({
  argv: process.argv.slice(2),
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
});
// What is left open, such as a call that was given up, must neither keep the process nor speak.
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(status);
