/** Where the connect page is when nothing says so. */
export const DEFAULT_CONNECT_PORT = 8474;

const LOOPBACK_HOSTS = ['127.0.0.1', '[::1]', 'localhost'];

/** Whether a URL leads to this machine itself. */
export function isLoopbackUrl({ hostname }: { hostname: string }): boolean {
  return LOOPBACK_HOSTS.includes(hostname);
}

/**
 * What is wrong with the public URL of the connect page; null: nothing. Cookies and links go over
 * it, so only a page on this machine may do without TLS.
 *
 * @param text - the URL under which browsers reach the page
 */
export function connectUrlProblem(text: string): string | null {
  if (!URL.canParse(text)) return 'must be a URL';
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopbackUrl(url))) {
    return 'must begin with https:// (http:// only on this machine)';
  }
  const bare = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!bare) return 'must have no user name, query or fragment';
  return /^\/([\w.~-]+\/?)*$/.test(url.pathname) ? null : 'must have a plain path';
}
