import { html } from 'hono/html';
import type { StoredConnection } from '../../contract/connection-record.js';
import type { TokenState } from '../../contract/messages.js';
import { nextRefreshAt, type TokenRecord } from '../../contract/token-record.js';
import type { MadeLink } from '../links.js';
import { STATE_LABELS, stateWords, whyText } from '../state-words.js';
import { distanceText, timeText } from '../time-text.js';
import { accessFacts, stateParts } from './connection-page.js';
import type { Html, Page } from './page.js';

/** Paths and the proof that a form is ours. */
export interface OperatorPlace {
  /** Path of the overview. */
  path: string;
  csrf: string;
}

/** Asks for the operators' token. */
export function signInPage({ path, csrf }: OperatorPlace, wrong: boolean): Page {
  return {
    title: 'Overview of connections',
    status: 401,
    body: html`<div class="card">
      ${wrong ? html`<p role="alert" class="bad">That is not the token.</p>` : ''}
      <form method="post" action="${path}/sign-in">
        <input type="hidden" name="csrf" value="${csrf}" />
        <p>
          <label for="token">Operators' token</label>
          <input
            id="token"
            name="token"
            type="password"
            autocomplete="current-password"
            required
            maxlength="512"
          />
        </p>
        <p class="soft">It is the value of <code>OAUTH_TOKENS_CONNECT_TOKEN</code>.</p>
        <button type="submit">Sign in</button>
      </form>
    </div>`,
  };
}

/** What the overview is filtered by. */
export interface OverviewFilter {
  /** How the id begins. */
  prefix: string;
  /** A state, `trouble`, or an empty text for all. */
  state: TokenState | 'trouble' | '';
}

/** A connection in the overview. */
export interface OverviewRow {
  record: TokenRecord;
  /** Null: its file was removed just now. */
  connection: StoredConnection | null;
}

/** A page of connections. */
export interface Overview {
  rows: readonly OverviewRow[];
  filter: OverviewFilter;
  /** Query of the next page; null: that was all. */
  next: string | null;
  /** Query of the first page; null: this is it. */
  first: string | null;
}

/** The overview of connections. */
export function overviewPage(
  { path, csrf }: OperatorPlace,
  { rows, filter, next, first }: Overview,
): Page {
  const none = html`<p>No connection fits.</p>`;
  const pages =
    next === null && first === null
      ? ''
      : html`<nav aria-label="Pages" class="buttons">
          ${first === null ? '' : html`<a class="button quiet" href="${path}?${first}">First page</a>`}
          ${next === null ? '' : html`<a class="button quiet" href="${path}?${next}">Next page</a>`}
        </nav>`;
  return {
    title: 'Connections',
    wide: true,
    body: html`${filterForm(path, filter)}
      <div class="card">
        ${
          rows.length === 0
            ? none
            : html`<ul class="rows">
                ${rows.map((row) => rowPart(path, row))}
              </ul>`
        }
        ${pages}
      </div>
      <form method="post" action="${path}/sign-out">
        <input type="hidden" name="csrf" value="${csrf}" />
        <button type="submit" class="quiet">Sign out</button>
      </form>`,
  };
}

function filterForm(path: string, { prefix, state }: OverviewFilter): Html {
  const choices: [string, string][] = [
    ['', 'All'],
    ['trouble', 'In trouble'],
    ...Object.entries(STATE_LABELS),
  ];
  return html`<form class="filter" method="get" action="${path}" role="search">
    <div>
      <label for="q">Id begins with</label>
      <input id="q" name="q" type="search" value="${prefix}" maxlength="128" autocomplete="off" />
    </div>
    <div>
      <label for="state">State</label>
      <select id="state" name="state">
        ${choices.map(
          ([value, label]) =>
            html`<option value="${value}" ${value === state ? 'selected' : ''}>${label}</option>`,
        )}
      </select>
    </div>
    <button type="submit">Show</button>
  </form>`;
}

function rowPart(path: string, { record, connection }: OverviewRow): Html {
  const { label, tone } = stateWords(record, false);
  return html`<li>
    <div>
      <h2><a href="${path}/${record.connectionId}">${record.connectionId}</a></h2>
      <p class="state ${tone}">${label}</p>
    </div>
    <dl>
      ${fact('Last refresh', whenText(record.issuedAt, record.now) ?? 'none yet')}
      ${fact('Next refresh', nextText({ record, connection }))}
      ${fact('Last failure', failureText(record))}
    </dl>
  </li>`;
}

const fact = (term: string, text: Html | string): Html =>
  html`<div>
    <dt>${term}</dt>
    <dd>${text}</dd>
  </div>`;

function whenText(at: number | null, now: number): Html | null {
  if (at === null) return null;
  return html`<time datetime="${new Date(at).toISOString()}" title="${timeText(at)}"
    >${distanceText(at, now)}</time
  >`;
}

/** As {@link whenText}, with the time in full. */
function exactText(at: number | null, now: number): Html | null {
  const when = whenText(at, now);
  return at === null || when === null
    ? null
    : html`${timeText(at)} <span class="soft">(${when})</span>`;
}

function nextText({ record, connection }: OverviewRow): Html | string {
  const { state, retryAt, now } = record;
  if (state !== 'active' && state !== 'at_risk') return 'none';
  const at = nextRefreshAt(record, connection?.lifetime.refresh ?? 'on-demand');
  const later = at ?? (retryAt !== null && retryAt > now ? retryAt : null);
  return whenText(later, now) ?? 'when a caller needs it';
}

function failureText(record: TokenRecord): Html | string {
  const { lastOutcome, now } = record;
  if (lastOutcome === null || lastOutcome.type === null) return 'none';
  return html`<code>${lastOutcome.type}</code> ${whenText(lastOutcome.at, now) ?? ''}`;
}

/** What the page of one connection shows to an operator. */
export interface OperatorView extends OverviewRow {
  connection: StoredConnection;
  /** Whether somebody said where the Temporal UI is. */
  hasUi: boolean;
}

/** The page of one connection, for operators. */
export function operatorPage(
  { path, csrf }: OperatorPlace,
  { record, connection, hasUi }: OperatorView,
): Page {
  const { connectionId, epoch, generation, failures } = record;
  const own = `${path}/${connectionId}`;
  return {
    title: connectionId,
    body: html`<p><a href="${path}">All connections</a></p>
      <div class="card">
        ${stateParts(stateWords(record, false))}
        <dl class="facts">
          ${term('Token', `epoch ${epoch}, generation ${generation}`)}
          ${term('Last refresh', exactText(record.issuedAt, record.now) ?? 'none yet')}
          ${term('Next refresh', nextText({ record, connection }))}
          ${term('Last failure', failureText(record))}
          ${failures === 0 ? '' : term('Failures in a row', `${failures}. ${whyText(record) ?? ''}`)}
          ${term('Refresh token ends', exactText(record.refreshTokenExpiresAt, record.now) ?? 'not known')}
        </dl>
        ${hasUi ? html`<p><a href="${own}/run">Its run in the Temporal UI</a></p>` : ''}
      </div>
      <div class="card">
        <h2>What it is for</h2>
        <dl class="facts">${accessFacts(connection)}</dl>
      </div>
      ${linkForm(own, csrf)}`,
  };
}

const term = (name: string, text: Html | string): Html =>
  html`<dt>${name}</dt>
    <dd>${text}</dd>`;

/** How long a link may open a page: hours and their names. */
export const LINK_LIFETIMES: readonly (readonly [string, string])[] = [
  ['1', 'an hour'],
  ['24', 'a day'],
  ['168', 'a week'],
];

function linkForm(own: string, csrf: string): Html {
  return html`<form class="card" method="post" action="${own}/link">
    <h2>A link for the person</h2>
    <p>
      Whoever has it sees this connection, and can connect and disconnect it. Send it to the person
      whose account it is, and to nobody else.
    </p>
    <input type="hidden" name="csrf" value="${csrf}" />
    <p>
      <label for="from">Who asks, as the person knows you</label>
      <input id="from" name="from" required maxlength="80" autocomplete="organization" />
    </p>
    <p>
      <label for="hours">It opens the page for</label>
      <select id="hours" name="hours">
        ${LINK_LIFETIMES.map(
          ([hours, label]) =>
            html`<option value="${hours}" ${hours === '24' ? 'selected' : ''}>${label}</option>`,
        )}
      </select>
    </p>
    <button type="submit">Make a link</button>
  </form>`;
}

/** A link that was made. */
export function linkPage(place: OperatorPlace, connectionId: string, made: MadeLink): Page {
  const expires = made.expiresAt.getTime();
  return {
    title: `A link for ${connectionId}`,
    body: html`<div class="card">
      <p>
        <label for="link">Send this to the person</label>
        <textarea id="link" readonly spellcheck="false">${made.url}</textarea>
      </p>
      <p>
        It opens this connection and no other, until
        <time datetime="${made.expiresAt.toISOString()}">${timeText(expires)}</time>. It is not
        shown again.
      </p>
      <p><a href="${place.path}/${connectionId}">Back to the connection</a></p>
    </div>`,
  };
}
