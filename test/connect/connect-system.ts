/** The connect page over a token deployment of its own, and browsers that visit it. */
import {
  createConnectApp,
  type ConnectApp,
  type ConnectAppOptions,
} from '../../src/connect/index.js';
import {
  consentFile,
  startConsentSystem,
  type ConsentFileChanges,
} from '../integration/consent-system.js';
import type { TokenSystem } from '../support/token-system.js';

export const PUBLIC_URL = 'http://127.0.0.1:8474';
export const OPERATOR_TOKEN = 'marked-operators-token-77d1c0';

export interface ConnectSystem {
  system: TokenSystem;
  app: ConnectApp;
  warnings: string[];
  /** Registers a connection that needs a person's consent; returns its id. */
  put(name: string, changes?: ConsentFileChanges): Promise<string>;
  /** The path of a link that opens a connection's page. */
  link(connectionId: string, lifetimeMs?: number): Promise<string>;
  /** Another connect page over the same deployment. */
  another(changes: Partial<ConnectAppOptions>): ConnectApp;
  close(): Promise<void>;
}

export async function startConnectSystem(): Promise<ConnectSystem> {
  const system = await startConsentSystem();
  const warnings: string[] = [];
  const { mongodb, keysFile: keys, client, taskQueue } = system;
  const made: ConnectApp[] = [];
  const another = (changes: Partial<ConnectAppOptions>): ConnectApp => {
    const app = createConnectApp({
      ...{ publicUrl: PUBLIC_URL, mongodb, keys, client, taskQueue, network: 'loopback' },
      ...{ operatorToken: OPERATOR_TOKEN, uiUrl: 'http://127.0.0.1:8233' },
      onWarning: (message) => warnings.push(message),
      ...changes,
    });
    made.push(app);
    return app;
  };
  const app = another({});
  return {
    ...{ system, app, warnings, another },
    put: async (name, changes = {}) =>
      (await system.put(consentFile(system, name, changes))).connectionId,
    async link(connectionId, lifetimeMs = 3_600_000) {
      const { url } = await app.makeLink({ connectionId, lifetimeMs, from: 'the test' });
      return new URL(url).pathname;
    },
    async close() {
      for (const one of made) await one.close();
      await system.close();
    },
  };
}

/** A page or a redirect, with its text read. */
export interface Seen {
  status: number;
  headers: Headers;
  text: string;
  /** Where it leads; null: nowhere. */
  location: string | null;
}

/** A browser with cookies, for which nothing is followed by itself. */
export class Visitor {
  readonly cookies = new Map<string, string>();
  readonly #app: ConnectApp;
  readonly #origin: string;

  constructor(app: ConnectApp, publicUrl = PUBLIC_URL) {
    this.#app = app;
    this.#origin = new URL(publicUrl).origin;
  }

  /** @param path - with its query, or a whole URL */
  async get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Seen> {
    return this.send(path, { method, headers });
  }

  /** Sends a form. */
  async post(
    path: string,
    form: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Seen> {
    return this.send(path, { method: 'POST', headers, body: new URLSearchParams(form) });
  }

  async send(path: string, init: RequestInit): Promise<Seen> {
    const headers = new Headers(init.headers);
    const cookies = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    if (cookies !== '' && !headers.has('cookie')) headers.set('cookie', cookies);
    const url = path.startsWith('/') ? `${this.#origin}${path}` : path;
    const response = await this.#app.fetch(new Request(url, { ...init, headers }));
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/max-age=0/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return {
      status: response.status,
      headers: response.headers,
      text: await response.text(),
      location: response.headers.get('location'),
    };
  }

  /** Opens a page and reads the proof of its form. */
  async csrf(path: string): Promise<string> {
    return csrfIn((await this.get(path)).text);
  }

  /** Presses Connect; returns where the authorization server is. */
  async connect(link: string): Promise<string> {
    const seen = await this.post(`${link}/connect`, { csrf: await this.csrf(link) });
    if (seen.location === null) throw new Error(`nothing was begun: ${seen.status} ${seen.text}`);
    return seen.location;
  }

  /** Signs in to the overview. */
  async signIn(token = OPERATOR_TOKEN): Promise<Seen> {
    return this.post('/overview/sign-in', { csrf: await this.csrf('/overview'), token });
  }
}

/** The proof in the first form of a page. */
export function csrfIn(html: string): string {
  const [, csrf = ''] = /name="csrf" value="([^"]*)"/.exec(html) ?? [];
  return csrf;
}
