/** A browser without a screen: cookies, redirects and forms, for pages without a script. */

/** A page as a person sees it, as far as tests need. */
export interface Page {
  url: string;
  status: number;
  html: string;
}

/** Where a browser is sent that is not asked for: the redirect URI of a client. */
export interface Callback {
  url: URL;
}

interface Cookie {
  value: string;
  path: string;
}

const MAX_REDIRECTS = 20;

/** One browser of one person; it keeps its cookies. */
export class Browser {
  readonly #cookies = new Map<string, Cookie>();

  /**
   * Opens a URL and follows redirects.
   *
   * @param callback - where the client waits: the browser stops before it
   */
  async open(url: string, callback: string | null = null): Promise<Page | Callback> {
    return this.#request(new URL(url), null, callback);
  }

  /** Fills in the form of a button, found by what stands on it, and presses it. */
  async press(
    { url, html }: Page,
    button: string,
    { fields = {}, callback = null }: { fields?: Record<string, string>; callback?: string | null },
  ): Promise<Page | Callback> {
    const { action, entries } = formOf(html, button);
    const body = new URLSearchParams(entries);
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    return this.#request(new URL(action, url), body, callback);
  }

  async #request(
    first: URL,
    form: URLSearchParams | null,
    callback: string | null,
  ): Promise<Page | Callback> {
    let url = first;
    let body = form;
    for (let redirects = 0; redirects < MAX_REDIRECTS; redirects += 1) {
      if (callback !== null && isAt(url, callback)) return { url };
      const response = await fetch(url, {
        method: body === null ? 'GET' : 'POST',
        headers: { cookie: this.#cookieHeader(url), accept: 'text/html' },
        body,
        redirect: 'manual',
      });
      this.#remember(response);
      const location = response.headers.get('location');
      if (location === null) {
        return { url: url.href, status: response.status, html: await response.text() };
      }
      await response.body?.cancel();
      url = new URL(location, url);
      body = null;
    }
    throw new Error('the browser was sent around in circles');
  }

  #cookieHeader({ pathname }: URL): string {
    return [...this.#cookies]
      .map(([key, { value, path }]) => ({ name: key.split(' ')[0] ?? '', value, path }))
      .filter(({ path }) => path === '/' || pathname === path || pathname.startsWith(`${path}/`))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
  }

  #remember(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(/;\s*/);
      const [name = '', ...rest] = pair.split('=');
      const attribute = (wanted: string): string | undefined =>
        attributes.find((text) => text.toLowerCase().startsWith(`${wanted}=`))?.split('=')[1];
      const path = attribute('path') ?? '/';
      const expires = attribute('expires');
      const value = rest.join('=');
      const gone = value === '' || (expires !== undefined && Date.parse(expires) <= Date.now());
      if (gone) this.#cookies.delete(`${name} ${path}`);
      else this.#cookies.set(`${name} ${path}`, { value, path });
    }
  }
}

/** Whether a URL is a redirect URI, whatever its query. */
function isAt(url: URL, callback: string): boolean {
  const { origin, pathname } = new URL(callback);
  return url.origin === origin && url.pathname === pathname;
}

function attributeOf(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  return value?.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
}

/** The form that a button belongs to, as it would be sent. */
function formOf(html: string, label: string): { action: string; entries: [string, string][] } {
  const buttons = [...html.matchAll(/<button\b[^>]*>([^<]*)<\/button>/g)];
  const button = buttons.find(([, text]) => text?.trim() === label);
  if (button === undefined) throw new Error(`there is no button "${label}" on the page:\n${html}`);
  const [tag] = button;
  const id = attributeOf(tag, 'form');
  const forms = [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)];
  const form = forms.find(([all]) =>
    id === undefined ? all.includes(tag) : all.includes(`"${id}"`),
  );
  if (form === undefined) throw new Error(`the button "${label}" has no form`);
  const [, attributes = '', content = ''] = form;
  const entries = [...content.matchAll(/<input\b[^>]*>/g), [tag]].flatMap(
    ([input = '']): [string, string][] => {
      const name = attributeOf(input, 'name');
      return name === undefined ? [] : [[name, attributeOf(input, 'value') ?? '']];
    },
  );
  return { action: attributeOf(attributes, 'action') ?? '', entries };
}
