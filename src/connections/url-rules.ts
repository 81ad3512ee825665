import { NetworkPolicyError, type Network } from '../network.js';

/** What the rules need to know of the process's network setting. */
export type NetworkRules = Pick<Network, 'assertUrlAllowed' | 'mode'>;

const MAX_URL_LENGTH = 2_048;

/** What is wrong with an endpoint's URL; null: nothing. The URL itself is never repeated. */
export function endpointProblem(text: string, network: NetworkRules): string | null {
  if (text.length > MAX_URL_LENGTH) return `must be at most ${MAX_URL_LENGTH} characters long`;
  if (!URL.canParse(text)) return 'must be an absolute https URL';
  if (text.includes('#')) return 'must be a URL without a fragment (RFC 6749 §3.2)';
  return networkProblem(new URL(text), network);
}

/** What is wrong with an issuer identifier; null: nothing (RFC 8414 §2). */
export function issuerProblem(text: string, network: NetworkRules): string | null {
  if (text.includes('?')) return 'must be a URL without a query (RFC 8414 §2)';
  return endpointProblem(text, network);
}

/** What is wrong with an API origin; null: nothing. Shows the origin that was probably meant. */
export function originProblem(text: string, network: NetworkRules): string | null {
  const example = 'such as "https://api.example.com"';
  if (text.length > MAX_URL_LENGTH || !URL.canParse(text)) {
    return `must be an origin: scheme, host and port only, ${example}`;
  }
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return `must be an https origin, ${example}`;
  }
  if (text !== url.origin) {
    return `must be an origin: scheme, host and port only, here "${url.origin}"`;
  }
  return networkProblem(url, network);
}

/** What is wrong with a redirect URI; null: nothing. Browsers go there, so no network rule counts. */
export function redirectUriProblem(text: string): string | null {
  const url = URL.canParse(text) && text.length <= MAX_URL_LENGTH ? new URL(text) : null;
  const right =
    url !== null &&
    (url.protocol === 'https:' || isLoopbackRedirect(url)) &&
    !/[#\s]/.test(text) &&
    url.username === '' &&
    url.password === '';
  if (right) return null;
  return (
    'must be an https URL without a fragment, or http://127.0.0.1/PATH for the command ' +
    '(RFC 8252 §7.3): exactly as it is registered'
  );
}

/** Whether a redirect URI leads to the machine of the person itself. */
function isLoopbackRedirect({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
}

function networkProblem(url: URL, network: NetworkRules): string | null {
  if (url.protocol === 'http:' && network.mode !== 'loopback') {
    return (
      `must begin with https:// (the network setting is "${network.mode}"; ` +
      'plain http is for loopback hosts with OAUTH_TOKENS_NETWORK=loopback)'
    );
  }
  try {
    network.assertUrlAllowed(url);
    return null;
  } catch (error) {
    if (!(error instanceof NetworkPolicyError)) throw error;
    return `must be a URL that the network setting "${network.mode}" allows. ${error.message}`;
  }
}
