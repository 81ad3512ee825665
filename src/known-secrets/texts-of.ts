/** A text or bytes somewhere inside a value. */
export interface PlacedText {
  /** Where, as it is written in code: `details[0].token`; empty: the value itself. */
  path: string;
  text: string | Uint8Array;
}

/**
 * Every text and all bytes inside a value: members and their names, also of maps and sets, and what
 * errors keep out of sight. Each object once.
 *
 * @param maxObjects - so many objects are looked into; default all
 */
export function* textsOf(value: unknown, maxObjects = Infinity): Generator<PlacedText> {
  const seen = new Set<unknown>();
  const left: { path: string; value: unknown }[] = [{ path: '', value }];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { path, value: current } = next;
    if (typeof current === 'string' || current instanceof Uint8Array) yield { path, text: current };
    if (typeof current !== 'object' || current === null || current instanceof Uint8Array) continue;
    if (seen.has(current) || seen.size >= maxObjects) continue;
    seen.add(current);
    const members = membersOf(current);
    for (const [name] of members) yield { path: joined(path, name), text: name };
    left.push(
      ...members.map(([name, member]) => ({ path: joined(path, name), value: member })).reverse(),
    );
  }
}

function membersOf(value: object): [name: string, value: unknown][] {
  if (value instanceof Map) {
    return [...(value as Map<unknown, unknown>)].flatMap(([key, member], at) => [
      [`keys[${at}]`, key],
      [typeof key === 'string' ? key : `values[${at}]`, member],
    ]);
  }
  const items = Array.isArray(value) || value instanceof Set ? [...(value as unknown[])] : null;
  if (items !== null) return items.map((item, at) => [`[${at}]`, item]);
  const members = entriesOf(value);
  if (!(value instanceof Error)) return members;
  const { message, stack, cause } = value;
  // First, because Temporal writes these down whatever else there is.
  const own = members.filter(([name]) => !['message', 'stack', 'cause'].includes(name));
  return [['message', message], ['stack', stack], ['cause', cause], ...own];
}

function entriesOf(value: object): [name: string, value: unknown][] {
  try {
    return Object.entries(value);
  } catch {
    // A getter that throws: nothing else could write it down either.
    return [];
  }
}

function joined(path: string, name: string): string {
  return path === '' || name.startsWith('[') ? `${path}${name}` : `${path}.${name}`;
}
