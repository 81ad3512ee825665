import { html } from 'hono/html';
import type { StoredConnection } from '../../contract/connection-record.js';
import type { TokenRecord } from '../../contract/token-record.js';
import { actionsOf, stateWords, type StateWords } from '../state-words.js';
import { distanceText, timeText } from '../time-text.js';
import type { Html, Page } from './page.js';

/** What a connection's page shows. */
export interface ConnectionView {
  connection: StoredConnection;
  record: TokenRecord;
  /** Who asks, and until when the link opens the page. */
  link: { from: string; expiresAt: number };
  /** Path of this page. */
  path: string;
  csrf: string;
  /** Where the authorization server is. */
  formTargets: readonly string[];
}

/** The page of a connection, for the person whose account it is. */
export function connectionPage(view: ConnectionView): Page {
  const { connection, record, link, path, csrf, formTargets } = view;
  const actions = actionsOf(connection, record);
  const { connect, disconnect } = actions;
  // Whoever is connected needs no button that asks to be pressed.
  const look = record.state === 'active' ? 'quiet' : '';
  const press =
    connect === null
      ? ''
      : html`<form method="post" action="${path}/connect">
          <input type="hidden" name="csrf" value="${csrf}" />
          <button type="submit" class="${look}">${connect}</button>
        </form>`;
  const leave = disconnect
    ? html`<a class="button quiet" href="${path}/disconnect">Disconnect…</a>`
    : '';
  const nobody = connect === null && record.state !== 'revoking' ? NO_PERSON : '';
  return {
    title: connection.connectionId,
    formTargets,
    ...(record.state === 'revoking' ? { progress: 'revoking' } : {}),
    body: html`<div class="card">
        ${stateParts(stateWords(record, true))} ${nobody}
        <div class="buttons">${press}${leave}</div>
      </div>
      ${question(connection, link)}
      <p class="soft">
        This link opens this connection and no other, until
        <time datetime="${new Date(link.expiresAt).toISOString()}"
          >${timeText(link.expiresAt)}</time
        >
        (${distanceText(link.expiresAt, record.now)}). Keep it to yourself.
      </p>`,
  };
}

const NO_PERSON = html`<p>
  This connection works without a person's consent; there is nothing to do.
</p>`;

/** A state with its words. */
export function stateParts({ label, tone, text }: StateWords): Html {
  return html`<p class="state ${tone}">${label}</p>
    <p>${text}</p>`;
}

/** What will be asked, for which client, and who wants to know. */
function question(connection: StoredConnection, { from }: { from: string }): Html {
  return html`<div class="card">
    <h2>What is asked for</h2>
    <dl class="facts">
      <dt>Asked by</dt>
      <dd>${from}</dd>
      ${accessFacts(connection)}
    </dl>
  </div>`;
}

/** Client, authorization server, scope and API, as terms and descriptions. */
export function accessFacts({ client, grant, authorizationServer, api }: StoredConnection): Html {
  const server = authorizationServer.issuer ?? new URL(authorizationServer.tokenEndpoint).origin;
  const scopes = (grant.scope ?? '').split(' ').filter((scope) => scope !== '');
  const list =
    scopes.length === 0
      ? 'whatever the authorization server gives by itself'
      : html`<ul class="plain">
          ${scopes.map((scope) => html`<li><code>${scope}</code></li>`)}
        </ul>`;
  return html`<dt>As client</dt>
    <dd><code>${client.clientId}</code></dd>
    <dt>At</dt>
    <dd>${server}</dd>
    <dt>Scope</dt>
    <dd>${list}</dd>
    <dt>To be used at</dt>
    <dd>
      <ul class="plain">
        ${api.allowedOrigins.map((origin) => html`<li>${origin}</li>`)}
      </ul>
    </dd>`;
}

/** Asks whether the connection is really to end. */
export function disconnectPage({ connection, path, csrf }: ConnectionView): Page {
  return {
    title: `Disconnect ${connection.connectionId}?`,
    body: html`<div class="card">
      <p>
        Nobody gets the access any more from then on, and the authorization server is asked to end
        it. Work that needs the account stops until somebody connects it again.
      </p>
      <div class="buttons">
        <form method="post" action="${path}/disconnect">
          <input type="hidden" name="csrf" value="${csrf}" />
          <button type="submit" class="danger">Disconnect</button>
        </form>
        <a class="button quiet" href="${path}">Keep it</a>
      </div>
    </div>`,
  };
}
