/**
 * Whether two consents may be one grant at the authorization server: many keep one per person and
 * client, and end all of it when one of its tokens is revoked (RFC 7009 §2.1 allows it).
 *
 * @param before - digest of who consented earlier; null: not known
 * @param after - of who consented later
 * @returns false only where they are known to be two persons
 */
export function mayShareGrant(before: string | null, after: string | null): boolean {
  return before === null || after === null || before === after;
}
