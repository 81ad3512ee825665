/** A real browser, and the connect page on a socket of its own. */
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { expect, inject } from 'vitest';
import { listenOnLoopback } from '../../dev/system/loopback-server.js';
import { startConnectSystem, type ConnectSystem } from '../connect/connect-system.js';

const SCREENSHOTS = fileURLToPath(new URL('../../.tmp/screenshots/', import.meta.url));
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 800 };
const WAIT_MS = 30_000;

/** The connect page in a real browser. */
export interface BrowserSystem extends ConnectSystem {
  /** Where the page is: another site than the authorization server. */
  publicUrl: string;
  /** A person with a browser of their own. */
  person(options?: { javaScriptEnabled?: boolean }): Promise<BrowserContext>;
  /** A link that opens a connection's page. */
  url(connectionId: string): Promise<string>;
}

/** Starts a token deployment, its connect page, and a browser. */
export async function startBrowserSystem(): Promise<BrowserSystem> {
  // It listens from the start: the port is in every link.
  const server = await listenOnLoopback();
  const publicUrl = `http://localhost:${server.port}`;
  const system = await startConnectSystem();
  const app = system.another({ publicUrl, uiUrl: inject('temporalUi') ?? undefined });
  const fetch = (request: Request, env: unknown) => app.fetch(request, env);
  const listener = getRequestListener(fetch, { overrideGlobalObjects: false });
  server.answerWith((request, response) => void listener(request, response));
  const browser = await launch();
  const contexts: BrowserContext[] = [];
  return {
    ...system,
    publicUrl,
    async person(options = {}) {
      const context = await browser.newContext({ viewport: PHONE, ...options });
      context.setDefaultTimeout(WAIT_MS);
      contexts.push(context);
      return context;
    },
    async url(connectionId) {
      const { url } = await app.makeLink({
        ...{ connectionId, lifetimeMs: 3_600_000, from: 'Ada Lovelace, Example Ltd' },
      });
      return url;
    },
    async close() {
      for (const context of contexts) await context.close();
      await browser.close();
      await server.stop();
      await system.close();
    },
  };
}

/** Starts the browser. */
export function launch(): Promise<Browser> {
  // Its sandbox needs what a container does not give; the pages are our own.
  return chromium.launch({
    executablePath: inject('chromium') ?? '',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}

interface AxeResult {
  passes: unknown[];
  violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[];
}

const axeSource = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Looks at a page on a phone and on a desk, by day and by night: no violation of the rules for
 * accessible pages, nothing to be scrolled sideways; and keeps a picture of each.
 */
export async function expectReadable(page: Page, name: string): Promise<void> {
  await mkdir(SCREENSHOTS, { recursive: true });
  for (const [size, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      expect(await violationsIn(page), `${name}, ${size}, ${colorScheme}`).toEqual([]);
      const wider = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect(wider, `${name} is wider than the ${size}`).toBeLessThanOrEqual(0);
      await page.screenshot({
        ...{ path: `${SCREENSHOTS}${name}-${size}-${colorScheme}.png`, fullPage: true },
      });
    }
  }
}

async function violationsIn(page: Page): Promise<string[]> {
  await page.evaluate(await axeSource);
  const { violations, passes } = await page.evaluate<AxeResult>('axe.run(document)');
  // Rules that nothing was found to apply to prove nothing.
  expect(passes.length).toBeGreaterThan(10);
  return violations.map(({ id, help, nodes }) => `${id}: ${help} ${nodes[0]?.html ?? ''}`);
}

/** Signs in at the authorization server, and allows or denies. */
export async function answerAt(
  page: Page,
  { account = 'alice', decision = 'Allow' }: { account?: string; decision?: 'Allow' | 'Deny' } = {},
): Promise<void> {
  await page.getByRole('heading', { name: /^(Sign in|Allow .*)$/ }).waitFor();
  if ((await page.getByRole('heading').textContent()) === 'Sign in') {
    await page.getByLabel('Account').fill(account);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }
  await page.getByRole('button', { name: decision }).click();
}

/** Waits until the page says something. */
export async function expectText(page: Page, text: string | RegExp): Promise<void> {
  await page.getByText(text).first().waitFor();
}
