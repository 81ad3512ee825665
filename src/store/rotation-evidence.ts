import type { Document } from 'mongodb';
import type { RotationEvidence } from '../contract/rotation-profile.js';

/** What the answer says about how the server rotates, added to what was seen before. */
export function evidenceAfter({
  rotated,
  sentAt,
}: {
  /** What came back for a refresh token; null: none was sent. */
  rotated: 'same_token' | 'new_token' | null;
  sentAt: Date;
}): Document {
  const counted = (name: keyof RotationEvidence, more: Document | number): Document => ({
    $add: [{ $ifNull: [`$rotationEvidence.${name}`, 0] }, more],
  });
  // Its own entry, written by whoever took it for dead, is a later one.
  const before = { $filter: { input: '$unknown', cond: { $lte: ['$$this.at', sentAt] } } };
  return {
    sameTokenReturned: counted('sameTokenReturned', rotated === 'same_token' ? 1 : 0),
    newTokenReturned: counted('newTokenReturned', rotated === 'new_token' ? 1 : 0),
    oldTokenAcceptedAfterUnknown: counted(
      'oldTokenAcceptedAfterUnknown',
      rotated === null ? 0 : { $cond: [{ $eq: [before, []] }, 0, 1] },
    ),
  };
}
