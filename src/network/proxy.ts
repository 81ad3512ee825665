import { Dispatcher, Pool, ProxyAgent } from 'undici';
import { assertHostAllowed, tlsOptions, type ConnectSettings } from './connect.js';
import { networkPolicyErrorOf } from './policy.js';
import { isLoopbackHost } from './urls.js';

/**
 * Reads a proxy setting.
 *
 * @throws TypeError when it is no http or https URL; the message does not quote it, because it may
 *   hold a password.
 */
export function parseProxy(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TypeError(
      'The proxy must be an http or https URL, such as http://proxy.example:3128.',
    );
  }
  return url;
}

/**
 * Makes a dispatcher that reaches every host through a proxy's tunnel, TLS being spoken with the
 * host itself, except loopback hosts, which are nobody else's to reach and use `direct`.
 */
export function createProxyDispatcher(
  proxy: URL,
  settings: ConnectSettings,
  direct: Dispatcher,
): Dispatcher {
  const proxied = new ProxyAgent({
    uri: proxy.href,
    proxyTls: tlsOptions(settings),
    requestTls: tlsOptions(settings),
    clientFactory: (origin, options) => new CheckedProxyPool(origin, options, settings),
  });
  return new RoutedDispatcher(proxied, direct);
}

/** The connections to the proxy; each tunnel's target is checked before the proxy is asked for it. */
class CheckedProxyPool extends Pool {
  readonly #settings: ConnectSettings;

  constructor(origin: URL, options: object, settings: ConnectSettings) {
    super(origin, options);
    this.#settings = settings;
  }

  // ProxyAgent calls the form that returns a promise.
  override connect(options: Dispatcher.ConnectOptions): Promise<Dispatcher.ConnectData>;
  override connect(
    options: Dispatcher.ConnectOptions,
    callback: (error: Error | null, data: Dispatcher.ConnectData) => void,
  ): void;
  override async connect(options: Dispatcher.ConnectOptions): Promise<Dispatcher.ConnectData> {
    await assertHostAllowed(new URL(`https://${options.path}`), this.#settings);
    try {
      const answer = await super.connect(options);
      if (answer.statusCode === 200) return answer;
      answer.socket.destroy();
      throw new ProxyError();
    } catch (error) {
      // undici takes some codes (UND_ERR_SOCKET) for a reason to connect again at once, without end.
      throw networkPolicyErrorOf(error) ?? new ProxyError();
    }
  }
}

/** The proxy could not be reached or closed the connection before there was a tunnel. */
class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly code = 'proxy_unreachable';

  constructor() {
    super('The proxy made no tunnel.');
  }
}

class RoutedDispatcher extends Dispatcher {
  readonly #proxied: Dispatcher;
  readonly #direct: Dispatcher;

  constructor(proxied: Dispatcher, direct: Dispatcher) {
    super();
    this.#proxied = proxied;
    this.#direct = direct;
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const { hostname } = new URL(String(options.origin));
    const dispatcher = isLoopbackHost(hostname) ? this.#direct : this.#proxied;
    return dispatcher.dispatch(options, handler);
  }

  override async close(): Promise<void> {
    await Promise.all([this.#proxied.close(), this.#direct.close()]);
  }

  override async destroy(): Promise<void> {
    await Promise.all([this.#proxied.destroy(), this.#direct.destroy()]);
  }
}
