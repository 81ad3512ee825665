import { hostname, userInfo } from 'node:os';

/** Who runs the command, for people who read a record: user and machine. */
export function whoIsThis(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container's user may have no name.
    return `unknown@${hostname()}`;
  }
}
