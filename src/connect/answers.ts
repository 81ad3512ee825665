import type { Context } from 'hono';
import { failureTypeOf } from '../failures.js';
import { documentOf, type Page } from './pages/page.js';
import { failureProblem, problemPage, type Problem } from './pages/problem-page.js';
import { contentSecurityPolicy } from './security-headers.js';

/** Answers a browser. */
export interface Answers {
  page(c: Context, page: Page): Response | Promise<Response>;
  problem(c: Context, problem: Problem): Response | Promise<Response>;
  /** 303 to a path of our own: the browser comes with GET, and keeps nothing of the address before. */
  goTo(c: Context, path: string): Response;
  /** Too many requests of a kind. */
  tooMany(c: Context, waitMs: number): Response | Promise<Response>;
}

/**
 * Makes the answers of a connect page.
 *
 * @param base - path under which it is served, without a slash at the end
 */
export function createAnswers(base: string): Answers {
  const answers: Answers = {
    page(c, page) {
      const { progress, formTargets = [] } = page;
      const policy = contentSecurityPolicy({ script: progress !== undefined, formTargets });
      c.header('content-security-policy', policy);
      return c.html(documentOf(page, base), page.status ?? 200);
    },
    problem: (c, problem) => answers.page(c, problemPage(problem)),
    goTo: (c, path) => c.redirect(`${base}${path}`, 303),
    tooMany(c, waitMs) {
      const seconds = Math.max(Math.ceil(waitMs / 1_000), 1);
      c.header('retry-after', String(seconds));
      return answers.problem(c, {
        status: 429,
        title: 'Too often',
        text: 'That was asked for many times in a short while.',
        advice: `Wait ${seconds} seconds and try again.`,
      });
    },
  };
  return answers;
}

/** What a person is told of an error; nothing of a foreign message. */
export function problemOfError(error: unknown): Problem {
  const type = failureTypeOf(error);
  if (type !== null) return failureProblem(type);
  return {
    status: 500,
    title: 'That did not work',
    text: 'Something unexpected happened here.',
    advice: 'Try again in a while; if it stays so, tell whoever sent you the link.',
  };
}
