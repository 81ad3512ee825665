/** A connection's run as people see it in the Temporal UI, while its authorization server is down. */
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  consent,
  consentFile,
  redeemed,
  startConsentSystem,
} from '../integration/consent-system.js';
import { CLIENT_SECRET, type TokenSystem } from '../support/token-system.js';
import { launch } from './browser-system.js';

const PICTURES = fileURLToPath(new URL('../../.tmp/screenshots/', import.meta.url));
const ANSWER = 'marked-answer-9f31';
const WAIT_MS = 30_000;

/** Every tab of a run, with what it shows when it has loaded. */
const TABS = {
  history: /Activity Task Failed/,
  relationships: /Child Count/,
  workers: /Workflow Task Handler/,
  'pending-activities': /Last Failure/,
  'call-stack': /Call Stack at/,
  query: /Query Type/,
  'user-metadata': /What to do/,
  'search-attributes': /OAuthFailureType/,
  memo: /Memo/,
};

describe.skipIf(inject('chromium') === null)('in the Temporal UI', () => {
  let system: TokenSystem;
  let browser: Browser;
  let page: Page;
  let connectionId: string;
  /** Address of the run, without its tab. */
  let run: string;
  let ui: string;

  beforeAll(async () => {
    await mkdir(PICTURES, { recursive: true });
    system = await startConsentSystem();
    await system.startWorker({ searchAttributes: true });
    const file = consentFile(system, 'calendar', { lifetime: { refresh: 'ahead' } });
    ({ connectionId } = await system.put(file));
    await redeemed(system, await consent(system, connectionId));
    const source = system.source();
    await source.getAccessToken(connectionId);
    const { hooks } = system.authorizationServer;
    hooks.onTokenRequest = async () => ({ status: 503, body: ANSWER });
    await expect(source.getAccessToken(connectionId, { rejectedGeneration: 1 })).rejects.toThrow();
    const workflowId = `oauth-token/${connectionId}`;
    const { runId } = await system.client.workflow.getHandle(workflowId).describe();
    ui = inject('temporalUi') ?? '';
    run = `${ui}/namespaces/default/workflows/${encodeURIComponent(workflowId)}/${runId}`;
    browser = await launch();
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    context.setDefaultTimeout(WAIT_MS);
    page = await context.newPage();
  });
  afterAll(async () => {
    await browser.close();
    await system.close();
  });

  /** Everything on the page, what stands in its frames too. */
  async function textOf(): Promise<string> {
    const texts = page.frames().map((frame) =>
      frame
        .locator('body')
        .innerText()
        .catch(() => ''),
    );
    return (await Promise.all(texts)).join('\n');
  }

  async function expectOnPage(text: RegExp): Promise<void> {
    await expect.poll(textOf, { timeout: WAIT_MS }).toMatch(text);
  }

  /** A picture of the upper part: stack traces below it name folders. */
  const picture = (name: string, bottom: number, top = 100) =>
    page.screenshot({
      ...{ path: `${PICTURES}temporal-ui-${name}.png` },
      clip: { x: 64, y: top, width: 1216, height: bottom - top },
    });

  it('the details say state, generation, next refresh and what to do', async () => {
    await page.goto(`${run}/user-metadata`);
    await expectOnPage(/State\s+at_risk[^]*generation 1 \(epoch 2\)[^]*Next refresh\s+retried/);
    await expectOnPage(
      /Last failure\s+OAuth\.server_error[^]*What to do\s+Nothing: it is asked again/,
    );
    await expectOnPage(/request generation 2: the API refused the token/);
    await picture('details', 660);
  });

  it('the pending activity says its attempt, the next one, and the last failure', async () => {
    await page.goto(`${run}/pending-activities`);
    await expectOnPage(/issueToken[^]*Attempt\s+\d+ of Unlimited[^]*Next Retry/);
    await expectOnPage(/The authorization server has an error[^]*OAuth\.server_error/);
    await picture('pending', 535);
  });

  it('a refresh is paused', async () => {
    await page.goto(`${run}/pending-activities`);
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: /^Pause/ }).click();
    await page.getByRole('button', { name: /^Unpause/ }).waitFor();
    await picture('paused', 575);
  });

  it('the queries and updates say what they are for', async () => {
    await page.goto(`${run}/query`);
    await page.getByRole('button', { name: 'Run Query' }).waitFor();
    await page.getByTestId('query-select-button').click();
    await page
      .locator('#query-select-select')
      .getByText(/^status/)
      .first()
      .click();
    await page.getByRole('button', { name: 'Run Query' }).click();
    await expectOnPage(/"generation": 1/);
    const { client } = system;
    const handle = client.workflow.getHandle(`oauth-token/${connectionId}`);
    const metadata = await handle.query<unknown>('__temporal_workflow_metadata');
    for (const name of ['ensureToken', 'configure', 'revoke', 'status']) {
      expect(JSON.stringify(metadata)).toMatch(
        new RegExp(`"name":"${name}","description":"[^"]{10,}`),
      );
    }
  });

  it('the list finds every connection in trouble', async () => {
    const query = 'OAuthTokenState != "active" OR OAuthFailureType IS NOT NULL';
    await page.goto(`${ui}/namespaces/default/workflows?query=${encodeURIComponent(query)}`);
    await page
      .getByRole('link', { name: `oauth-token/${connectionId}` })
      .first()
      .waitFor();
    await picture('trouble', 420, 60);
  });

  it('no tab shows a secret, nor the answer of the authorization server', async () => {
    const { authorizationServer } = system;
    const secrets = [CLIENT_SECRET, ANSWER, ...authorizationServer.everIssued()];
    expect(secrets.length).toBeGreaterThan(4);
    await page.goto(`${run}/history`);
    await page.locator('a[href$="/pending-activities"]').waitFor();
    const tabs = await page
      .getByRole('tab')
      .evaluateAll((links) => links.map((link) => (link as unknown as { href: string }).href));
    expect(tabs.map((tab) => tab.slice(run.length + 1)).sort()).toEqual(Object.keys(TABS).sort());
    for (const [tab, shown] of Object.entries({
      ...TABS,
      'history.json': /ActivityTaskFailedEventAttributes/,
    })) {
      await page.goto(`${run}/${tab}`);
      await expectOnPage(shown);
      const text = await textOf();
      for (const secret of secrets) expect(text.includes(secret), tab).toBe(false);
    }
  });

  it('a refresh that was paused is resumed', async () => {
    await page.goto(`${run}/pending-activities`);
    await page.getByRole('button', { name: /^Unpause/ }).waitFor();
    const { authorizationServer, database } = system;
    authorizationServer.hooks.onTokenRequest = null;
    const before = authorizationServer.countTokenRequests();
    const generation = async () =>
      (await database.tokens.findOne({ _id: connectionId }))?.generation;
    expect(await generation()).toBe(1);
    await page.getByRole('button', { name: /^Unpause/ }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: /^Unpause/ }).click();
    await expect.poll(generation, { timeout: WAIT_MS }).toBe(2);
    expect(authorizationServer.countTokenRequests()).toBe(before + 1);
  });
});
