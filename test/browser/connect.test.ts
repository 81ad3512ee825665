/** People at the connect page, in a real browser, with a real authorization server. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { OPERATOR_TOKEN } from '../connect/connect-system.js';
import {
  answerAt,
  expectReadable,
  expectText,
  startBrowserSystem,
  type BrowserSystem,
} from './browser-system.js';

describe.skipIf(inject('chromium') === null)('in a browser', () => {
  let connect: BrowserSystem;
  beforeAll(async () => {
    connect = await startBrowserSystem();
    await connect.system.startWorker();
  });
  afterAll(() => connect.close());

  const press = (page: Page, name: string) => page.getByRole('button', { name }).click();
  const epochOf = async (id: string) =>
    (await connect.system.database.tokens.findOne({ _id: id }))?.epoch;

  /** A person at the page of a connection of their own. */
  async function arrive(name: string, grant: Record<string, unknown> = {}) {
    const id = await connect.put(name, { grant });
    const url = await connect.url(id);
    const context = await connect.person();
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      // What a page of another server logs is not ours; ours logs nothing, its policy least of all.
      if (page.url().startsWith(connect.publicUrl)) complaints.push(message.text());
    });
    await page.goto(url);
    return { id, url, context, page, complaints };
  }

  async function connected(name: string) {
    const person = await arrive(name);
    await press(person.page, 'Connect');
    await answerAt(person.page);
    await expectText(person.page, 'You can close this window');
    return person;
  }

  it('a person connects an account, with the keyboard alone', async () => {
    const { id, page, url, complaints } = await arrive('keyboard');
    await expectReadable(page, 'connection-needs-consent');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent.trim()')).toBe('Connect');
    await page.keyboard.press('Enter');
    await page.getByLabel('Account').fill('alice');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Allow' }).focus();
    await page.keyboard.press('Enter');
    await expectText(page, 'You can close this window');
    await expectReadable(page, 'result-connected');
    expect(page.url()).toMatch(/\/result\/[\w-]{22}$/);
    await page.getByRole('link', { name: 'See the connection' }).click();
    await expectText(page, /Connected until/);
    expect(page.url()).toBe(url);
    await expectReadable(page, 'connection-connected');
    expect(await epochOf(id)).toBe(2);
    expect(complaints).toEqual([]);
  });

  it('a person refuses, and nothing has changed', async () => {
    const { id, page } = await arrive('refuses');
    await press(page, 'Connect');
    await answerAt(page, { decision: 'Deny' });
    await expectText(page, 'nothing has changed');
    await expectReadable(page, 'result-refused');
    await page.getByRole('link', { name: 'Back to the connection' }).click();
    await expectText(page, 'Needs your consent');
    expect(await epochOf(id)).toBe(1);
  });

  it('a person comes back late, and tries again', async () => {
    const { id, page } = await arrive('late');
    await press(page, 'Connect');
    await page.getByLabel('Account').waitFor();
    const { authorizations } = connect.system.database;
    await authorizations.updateMany({ connectionId: id }, { $set: { expiresAt: new Date() } });
    await answerAt(page);
    await expectText(page, 'That took too long');
    await expectReadable(page, 'result-late');
    await page.getByRole('link', { name: 'Back to the connection' }).click();
    await press(page, 'Connect');
    await answerAt(page);
    await expectText(page, 'You can close this window');
  });

  it('a person presses back, before and after', async () => {
    const { id, page, url } = await arrive('back');
    await press(page, 'Connect');
    await page.getByLabel('Account').waitFor();
    await page.goBack();
    await expectText(page, 'Needs your consent');
    await press(page, 'Connect');
    await answerAt(page);
    await expectText(page, 'You can close this window');
    // Whatever the browser shows then, nothing is exchanged a second time.
    await page.goBack();
    await page.goto(url);
    await expectText(page, /Connected until/);
    expect(await epochOf(id)).toBe(2);
  });

  it('a person has two tabs open, and both come to an end', async () => {
    const { id, page, context, url } = await arrive('tabs');
    const second = await context.newPage();
    await second.goto(url);
    await press(page, 'Connect');
    await page.getByLabel('Account').waitFor();
    await press(second, 'Connect');
    await answerAt(second);
    await expectText(second, 'You can close this window');
    await answerAt(page);
    await expectText(page, 'You can close this window');
    expect(await epochOf(id)).toBe(3);
    await second.goto(url);
    await expectText(second, /Connected until/);
  });

  it('a person reconnects after the authorization server has ended the consent', async () => {
    const { id, page, url } = await connected('ended');
    connect.system.authorizationServer.revokeAllGrants();
    const source = connect.system.source();
    await expect(source.getAccessToken(id, { rejectedGeneration: 1 })).rejects.toMatchObject({
      type: 'Token.reauthorization_required',
    });
    await page.goto(url);
    await expectText(page, 'no longer accepts the consent');
    await press(page, 'Connect');
    await answerAt(page);
    await expectText(page, 'You can close this window');
    expect(await source.getAccessToken(id)).toMatchObject({ epoch: 3 });
  });

  it('a person disconnects, and may think better of it', async () => {
    const { id, page, url } = await connected('leaves');
    await page.goto(url);
    await page.getByRole('link', { name: 'Disconnect…' }).click();
    await expectReadable(page, 'disconnect');
    await page.getByRole('link', { name: 'Keep it' }).click();
    await expectText(page, /Connected until/);
    await page.getByRole('link', { name: 'Disconnect…' }).click();
    await press(page, 'Disconnect');
    // The page says by itself when the authorization server has confirmed.
    await expectText(page, 'The access was given back');
    await expectReadable(page, 'connection-disconnected');
    const found = await connect.system.database.tokens.findOne({ _id: id });
    expect(found).toMatchObject({ state: 'revoked', access: null, grant: null });
  });

  it('a person watches a revocation that takes its time', async () => {
    const { id, page, url } = await connected('slow-leave');
    await connect.system.database.tokens.updateOne({ _id: id }, { $set: { state: 'revoking' } });
    await page.goto(url);
    await expectText(page, 'Being revoked');
    await expectReadable(page, 'connection-being-revoked');
    await connect.system.database.tokens.updateOne({ _id: id }, { $set: { state: 'revoked' } });
    await expectText(page, 'The access was given back');
  });

  it.each([
    ['looks by itself', true],
    ['is loaded anew where there are no scripts', false],
  ])('a device shows its code, and its page %s', async (_, javaScriptEnabled) => {
    const name = javaScriptEnabled ? 'device' : 'device-plain';
    const id = await connect.put(name, { grant: { grantType: 'device_code' } });
    const device = await (await connect.person({ javaScriptEnabled })).newPage();
    await device.goto(await connect.url(id));
    await press(device, 'Connect');
    await expectText(device, 'Waiting for you');
    if (javaScriptEnabled) await expectReadable(device, 'device-code');
    const code = (await device.locator('.code').textContent())?.trim() ?? '';
    const uri = await device.getByRole('link').first().getAttribute('href');
    const phone = await (await connect.person()).newPage();
    await phone.goto(uri ?? '');
    await phone.getByRole('textbox').fill(code);
    await press(phone, 'Continue');
    await expectText(phone, 'Is this your device?');
    await press(phone, 'Continue');
    await answerAt(phone);
    await expectText(phone, 'The device is connected');
    await expectText(device, 'You can close this window');
  });

  it('a person without scripts connects too', async () => {
    const id = await connect.put('plain');
    const page = await (await connect.person({ javaScriptEnabled: false })).newPage();
    await page.goto(await connect.url(id));
    await press(page, 'Connect');
    await answerAt(page);
    await expectText(page, 'You can close this window');
  });

  it('the page between the consent and its tokens goes on by itself', async () => {
    const { page } = await arrive('between');
    const { database } = connect.system;
    await press(page, 'Connect');
    await answerAt(page);
    await expectText(page, 'You can close this window');
    // Where it stood a moment before, for the picture of it.
    const authorizationId = page.url().split('/').at(-1) ?? '';
    await database.authorizations.updateOne(
      { _id: authorizationId },
      { $set: { phase: 'received', outcome: null } },
    );
    await page.reload();
    await expectText(page, 'is being connected');
    await expectReadable(page, 'result-waiting');
    const outcome = { at: new Date(), type: null, epoch: 2, generation: 1 };
    await database.authorizations.updateOne(
      { _id: authorizationId },
      { $set: { phase: 'done', outcome } },
    );
    await expectText(page, 'You can close this window');
  });

  it('states that need somebody say so in plain words', async () => {
    const { id, page, url } = await connected('states');
    const { tokens } = connect.system.database;
    const lastOutcome = {
      at: new Date(),
      outcome: 'failed' as const,
      type: 'OAuth.invalid_client',
    };
    for (const [state, words] of [
      ['at_risk', 'An answer of the authorization server was lost'],
      ['blocked', 'An operator has to mend it'],
      ['quarantined', 'could not be trusted'],
    ] as const) {
      await tokens.updateOne({ _id: id }, { $set: { state, lastOutcome } });
      await page.goto(url);
      await expectText(page, words);
      await expectReadable(page, `connection-${state.replace('_', '-')}`);
    }
  });

  it('links that open nothing say what to do', async () => {
    const page = await (await connect.person()).newPage();
    await page.goto(`${connect.publicUrl}/c/broken`);
    await expectText(page, 'ask for a new one');
    await expectReadable(page, 'problem-link');
    await page.goto(`${connect.publicUrl}/callback?code=c&state=s`);
    await expectText(page, 'belongs to nothing that was begun in this browser');
    expect(page.url()).toBe(`${connect.publicUrl}/callback/foreign`);
    await expectReadable(page, 'problem-callback');
    await page.goto(`${connect.publicUrl}/nowhere`);
    await expectReadable(page, 'problem-not-found');
    await page.goto(`${connect.publicUrl}/`);
    await expectReadable(page, 'welcome');
  });

  it('an operator finds what is in trouble, and makes a link for its person', async () => {
    const { id } = await connected('watched');
    const waiting = await connect.put('watched-waiting');
    const page = await (await connect.person()).newPage();
    await page.goto(`${connect.publicUrl}/overview`);
    await expectReadable(page, 'overview-sign-in');
    await page.getByLabel("Operators' token").fill('wrong');
    await press(page, 'Sign in');
    await expectText(page, 'That is not the token');
    await expectReadable(page, 'overview-sign-in-wrong');
    await page.getByLabel("Operators' token").fill(OPERATOR_TOKEN);
    await press(page, 'Sign in');
    await page.getByRole('link', { name: id, exact: true }).waitFor();
    await expectReadable(page, 'overview');
    await page.getByLabel('Id begins with').fill('watched');
    await page.getByLabel('State').selectOption('In trouble');
    await press(page, 'Show');
    await page.getByRole('link', { name: waiting }).waitFor();
    expect(await page.getByRole('link', { name: id, exact: true }).count()).toBe(0);
    await expectReadable(page, 'overview-filtered');
    await page.getByRole('link', { name: waiting }).click();
    await expectReadable(page, 'overview-connection');
    await page.getByLabel('Who asks').fill('Ada Lovelace, Example Ltd');
    await press(page, 'Make a link');
    const link = await page.getByLabel('Send this to the person').inputValue();
    await expectReadable(page, 'overview-link');
    await page.goto(link);
    await expectText(page, 'Ada Lovelace, Example Ltd');
    await page.goto(`${connect.publicUrl}/overview?q=nothing-like-that`);
    await expectText(page, 'No connection fits');
    await press(page, 'Sign out');
    await page.getByLabel("Operators' token").waitFor();
  });
});
