import type { Document } from 'mongodb';

/**
 * A document in the place of another one. `$set` of a plain document in an update pipeline merges it
 * into the one that is there, whose other members would stay.
 */
export function replaced(document: Document): Document {
  return { $mergeObjects: [document] };
}
