/** What every answer carries, whatever it is. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-robots-tag': 'noindex, nofollow',
};

/** What a page needs beyond nothing. */
export interface PageNeeds {
  /** The one script, of our own. */
  script?: boolean;
  /**
   * Where a form's answer may send the browser, beside this page: browsers hold the redirect after a
   * form to `form-action` too.
   */
  formTargets?: readonly string[];
}

/**
 * The policy of a page: nothing but our own style sheet and icon, no inline script or style, no frame around it.
 *
 * @see https://www.w3.org/TR/CSP3/
 */
export function contentSecurityPolicy({
  script = false,
  formTargets = [],
}: PageNeeds = {}): string {
  return [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    ...(script ? ["script-src 'self'", "connect-src 'self'"] : []),
    `form-action ${["'self'", ...formTargets].join(' ')}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
