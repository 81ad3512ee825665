// Why this is a process of its own, and plain JavaScript: when a command is killed with SIGKILL it
// runs no code any more, so somebody else has to stop the servers it started. The command holds a
// pipe to this process; when the pipe closes, for whatever reason, this process stops what is left.
// It starts in milliseconds because it needs no TypeScript loader.
//
// Lines on stdin: "+p PID" and "-p PID" for a process group, "+f PATH" and "-f PATH" for a folder.
import process from 'node:process';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const GRACE_MS = 5_000;
const left = new Set();

/** Signals a process group of ours, and says whether it was still there. */
function signal(pid, name) {
  try {
    process.kill(-pid, name);
    return true;
  } catch {
    return false;
  }
}

async function stopGroup(pid) {
  const giveUpAt = Date.now() + GRACE_MS;
  let alive = signal(pid, 'SIGTERM');
  while (alive && Date.now() < giveUpAt) {
    await sleep(50);
    alive = signal(pid, 0);
  }
  if (alive) signal(pid, 'SIGKILL');
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line.startsWith('+')) left.add(line.slice(1));
  if (line.startsWith('-')) left.delete(line.slice(1));
}

for (const entry of [...left].reverse()) {
  const what = entry.slice(2);
  if (entry.startsWith('p ')) await stopGroup(Number(what));
  else rmSync(what, { recursive: true, force: true });
}
