import { networkPolicyErrorOf, type Network } from '../../network.js';
import { bad, good, type Finding } from './check.js';

const CONNECT_MS = 5_000;
const ANSWER_MS = 9_000;

/** Whether a token endpoint can be reached: a GET without credentials, which issues nothing. */
export async function findEndpoint(network: Network, tokenEndpoint: string): Promise<Finding> {
  const { request } = await import('undici');
  const url = new URL(tokenEndpoint);
  const dispatcher = network.requestDispatcher({ connectTimeoutMs: CONNECT_MS });
  try {
    network.assertUrlAllowed(url);
    const { statusCode, body } = await request(url, {
      dispatcher,
      method: 'GET',
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    // Only that it answers is of interest.
    body.on('error', () => undefined).destroy();
    return good(`${url.host} answers (${statusCode} to a GET without credentials).`);
  } catch (error) {
    return unreachable(error, url);
  } finally {
    await dispatcher.destroy();
  }
}

function unreachable(error: unknown, url: URL): Finding {
  const refused = networkPolicyErrorOf(error);
  if (refused !== undefined) {
    return bad(
      refused.message,
      'Set OAUTH_TOKENS_NETWORK, or put the connection with another URL.',
    );
  }
  const code = codeOf(error);
  const message = `${url.host} cannot be reached${code === null ? '' : ` (${code})`}.`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return bad(message, 'Check the host name of the token endpoint, and the DNS of this machine.');
  }
  if (code !== null && /CERT|SIGNED|TLS|SSL/.test(code)) {
    return bad(
      message,
      'Its certificate is not trusted: set NODE_EXTRA_CA_CERTS for a private CA.',
    );
  }
  return bad(
    message,
    'Check the token endpoint, firewalls, and OAUTH_TOKENS_PROXY if a proxy leads there.',
  );
}

function codeOf(error: unknown): string | null {
  let found: unknown = error;
  for (let depth = 0; depth < 8 && found instanceof Error; depth += 1) {
    if ('code' in found && typeof found.code === 'string' && /^\w{1,64}$/.test(found.code)) {
      return found.code;
    }
    found = found instanceof AggregateError ? found.errors[0] : found.cause;
  }
  return null;
}
