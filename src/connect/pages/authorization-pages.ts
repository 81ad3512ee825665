import { html } from 'hono/html';
import type { AuthorizationRecord } from '../../contract/authorization-record.js';
import { isFailureType } from '../../contract/failure-types.js';
import { distanceText, timeText } from '../time-text.js';
import type { Page } from './page.js';
import { endProblem, problemPage, type Problem } from './problem-page.js';

/** The way back to the connection's page; null: the browser does not know it. */
export type WayBack = string | null;

/** Where an authorization stands: after the callback, or while a device waits for its person. */
export function authorizationPage(record: AuthorizationRecord, back: WayBack): Page {
  const { phase, connectionId, outcome, expiresAt, now } = record;
  if (phase === 'done') return connectedPage(connectionId, back);
  if (phase === 'failed') {
    const type = outcome?.type;
    return withWayBack(endProblem(isFailureType(type) ? type : 'Authorization.lost'), back);
  }
  if (phase === 'pending' && now >= expiresAt) {
    return withWayBack(endProblem('Authorization.expired'), back);
  }
  return phase === 'pending' ? pendingPage(record) : redeemingPage(connectionId);
}

function connectedPage(connectionId: string, back: WayBack): Page {
  const look = back === null ? '' : html`<p><a href="${back}">See the connection</a></p>`;
  return {
    title: 'Connected',
    body: html`<div class="card">
      <p class="state good">${connectionId} is connected</p>
      <p>You can close this window.</p>
      ${look}
    </div>`,
  };
}

function redeemingPage(connectionId: string): Page {
  return {
    title: 'Almost there',
    progress: 'redeeming',
    body: html`<div class="card">
      <p class="state waiting">Thank you; ${connectionId} is being connected</p>
      <p>
        Your answer is kept, and the access is being fetched. That goes on even if you close this
        window.
      </p>
    </div>`,
  };
}

/** A device's code; a browser's answer that has not come is no page of its own. */
function pendingPage(record: AuthorizationRecord): Page {
  const { connectionId, userCode, verificationUri, verificationUriComplete, expiresAt, now } =
    record;
  if (userCode === null || verificationUri === null) {
    return {
      title: 'Not answered yet',
      progress: 'pending',
      body: html`<div class="card">
        <p class="state waiting">${connectionId} waits for your answer</p>
        <p>The authorization server asks for it in another window.</p>
      </div>`,
    };
  }
  const direct =
    verificationUriComplete === null
      ? ''
      : html`<p>
          On this device:
          <a href="${webOnly(verificationUriComplete)}" rel="noreferrer" target="_blank"
            >open the page with the code filled in (new window)</a
          >. Compare the code before you confirm.
        </p>`;
  return {
    title: `Connect ${connectionId}`,
    progress: 'pending',
    body: html`<div class="card">
      <p class="state waiting">Waiting for you</p>
      <p>
        On any device, open
        <a href="${webOnly(verificationUri)}" rel="noreferrer" target="_blank"
          >${verificationUri}</a
        >
        and enter this code:
      </p>
      <p class="code"><span>${userCode}</span></p>
      ${direct}
      <p>
        The code ends at
        <time datetime="${new Date(expiresAt).toISOString()}">${timeText(expiresAt)}</time>
        (${distanceText(expiresAt, now)}).
      </p>
    </div>`,
  };
}

/** The authorization server names it: nothing but a web page is linked to. */
function webOnly(uri: string): string {
  return /^https?:\/\//.test(uri) ? uri : '#';
}

function withWayBack(problem: Problem, back: WayBack): Page {
  const page = problemPage(problem);
  if (back === null) return page;
  return {
    ...page,
    body: html`${page.body}
      <div class="buttons"><a class="button" href="${back}">Back to the connection</a></div>`,
  };
}
