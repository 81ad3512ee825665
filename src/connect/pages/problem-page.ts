import { html } from 'hono/html';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { FailureType } from '../../contract/failure-types.js';
import { rowOf } from '../state-words.js';
import type { Page } from './page.js';

/** Something that went wrong, and what to do about it. */
export interface Problem {
  status: ContentfulStatusCode;
  title: string;
  /** What happened. */
  text: string;
  /** What the person does now. */
  advice: string;
  /** For whoever helps the person; null: there is nothing to tell. */
  type?: FailureType | null;
}

/** The page of a problem. */
export function problemPage({ status, title, text, advice, type = null }: Problem): Page {
  const forHelp =
    type === null ? '' : html`<p class="soft">For whoever helps you: <code>${type}</code></p>`;
  return {
    ...{ title, status },
    body: html`<div class="card">
      <p>${text}</p>
      <p>${advice}</p>
      ${forHelp}
    </div>`,
  };
}

const AGAIN = 'Open the link that you were given once more, and try again.';
const TELL = 'Tell whoever sent you the link what stands below.';

/** How the ends of an authorization are told to the person who was asked; others by their row. */
const ENDS: Partial<Record<FailureType, Pick<Problem, 'title' | 'text' | 'advice'>>> = {
  'Authorization.denied': {
    title: 'Not connected',
    text: 'The access was refused, so nothing was connected and nothing has changed.',
    advice: 'If that was a mistake, open the link that you were given and connect again.',
  },
  'Authorization.expired': {
    title: 'That took too long',
    text: 'Ten minutes are left for the answer, and they were over. Nothing has changed.',
    advice: AGAIN,
  },
  'Authorization.invalid_response': {
    title: 'This answer fits nothing',
    text: 'The answer of the authorization server belongs to nothing that was begun in this browser.',
    advice: `${AGAIN} Stay in one browser from the first page to the last.`,
  },
  'Authorization.subject_mismatch': {
    title: 'Not the right account',
    text: 'Somebody else consented than the connection is for. It stays as it was.',
    advice:
      'Sign out at the authorization server, and connect again with the account that was connected before; ' +
      'or ask whoever sent you the link to allow another one.',
  },
  'Authorization.lost': {
    title: 'Please connect once more',
    text: 'The answer of the authorization server was lost on its way.',
    advice: AGAIN,
  },
};

/** How the end of an authorization is told. */
export function endProblem(type: FailureType): Problem {
  const told = ENDS[type];
  if (told !== undefined) return { status: 200, ...told, type };
  return { ...failureProblem(type), status: 200, title: 'Not connected' };
}

/** How a failure of the table is told to a person. */
export function failureProblem(type: FailureType): Problem {
  const { message, final } = rowOf(type);
  return {
    status: final ? 502 : 503,
    title: 'That did not work',
    text: message,
    advice: final ? TELL : 'Wait a moment and try again.',
    type,
  };
}

/** Where nothing is, or nothing for whoever asks. */
export const NOT_FOUND: Problem = {
  status: 404,
  title: 'Nothing here',
  text: 'There is no page at this address.',
  advice: 'Open the link that you were given.',
};

/** How a link that opens nothing is told. */
export const REFUSED_LINKS: Readonly<Record<'forged' | 'expired' | 'gone', Problem>> = {
  forged: {
    status: 404,
    title: 'This link does not open anything',
    text: 'It is not complete, or it was changed on its way.',
    advice: 'Copy the whole link from the message in which it came, or ask for a new one.',
  },
  expired: {
    status: 410,
    title: 'This link is too old',
    text: 'Links open a connection for a limited time, and that is over.',
    advice: 'Ask whoever sent it to you for a new one.',
  },
  gone: {
    status: 404,
    title: 'This connection is not there any more',
    text: 'It was removed, or made anew, since the link was sent.',
    advice: 'Ask whoever sent you the link for a new one, if it is still needed.',
  },
};

/** A form that this browser was not given, or long ago. */
export const FOREIGN_FORM: Problem = {
  status: 403,
  title: 'This form is too old',
  text: 'It was not sent from a page that this browser was shown just now. Nothing was done.',
  advice:
    'Open the link that you were given once more, allow cookies for this page, and try again.',
};
