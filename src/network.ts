import './network/native-fetch.js';
import { Agent, type Dispatcher } from 'undici';
import { createConnector, type ConnectSettings, type Resolve } from './network/connect.js';
import type { NetworkMode } from './network/policy.js';
import { createProxyDispatcher, parseProxy } from './network/proxy.js';
import { assertUrlAllowed } from './network/urls.js';

export { NetworkPolicyError, networkPolicyErrorOf, type NetworkMode } from './network/policy.js';

/** Limits of one token request. */
export interface RequestLimits {
  /** How long connecting, TLS included, may take. */
  readonly connectTimeoutMs: number;
}

/** The way out of the process: which addresses may be reached, and the connections to them. */
export interface Network {
  readonly mode: NetworkMode;
  /**
   * Refuses a URL by its scheme, a user name or password in it, or an address as its host.
   *
   * @throws NetworkPolicyError when the URL is not allowed.
   */
  assertUrlAllowed(url: URL): void;
  /**
   * For API calls: a pool that keeps connections alive, made at first use; works with Node's own
   * `fetch` as its `dispatcher`. Names are resolved by it, and only checked addresses connected to.
   */
  readonly dispatcher: Dispatcher;
  /**
   * For one token request: a fresh connection, because a pooled one that the server has closed
   * meanwhile is the commonest reason not to know whether a request arrived. The caller destroys it.
   */
  requestDispatcher(limits: RequestLimits): Dispatcher;
  /** Closes the pool after the calls in flight. */
  close(): Promise<void>;
}

/** How a {@link Network} is made. */
export interface NetworkOptions {
  readonly mode: NetworkMode;
  /** URL of an http or https proxy; the target is checked here before the proxy is asked for it. */
  readonly proxy?: string | undefined;
  /** How names are resolved, for tests; `dns.lookup` if not given. */
  readonly resolve?: Resolve | undefined;
}

/**
 * Makes the network of a process. Opens nothing until the first request.
 *
 * @throws TypeError when `proxy` is not an http or https URL.
 */
export function createNetwork(options: NetworkOptions): Network {
  const { mode, resolve } = options;
  const proxy = options.proxy === undefined ? undefined : parseProxy(options.proxy);
  let pool: Dispatcher | undefined;
  let closing: Promise<void> | undefined;

  function createDispatcher(settings: ConnectSettings, agentOptions: Agent.Options): Dispatcher {
    const direct = new Agent({ ...agentOptions, connect: createConnector(settings) });
    return proxy === undefined ? direct : createProxyDispatcher(proxy, settings, direct);
  }

  return {
    mode,
    assertUrlAllowed: (url) => assertUrlAllowed(url, mode),
    get dispatcher() {
      pool ??= createDispatcher({ mode, resolve }, {});
      return pool;
    },
    requestDispatcher: ({ connectTimeoutMs }) =>
      createDispatcher({ mode, resolve, connectTimeoutMs }, { pipelining: 0 }),
    close: async () => {
      closing ??= pool?.close();
      await closing;
    },
  };
}
