import { html } from 'hono/html';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { ICON_FILE, PROGRESS_SCRIPT, STYLE_SHEET } from '../assets.js';

/** HTML in which every text that came from elsewhere is escaped. */
export type Html = ReturnType<typeof html>;

/** A page, before it is a document. */
export interface Page {
  title: string;
  body: Html;
  /** Default 200. */
  status?: ContentfulStatusCode;
  /** What the page waits for: it looks again by itself until this is another text. */
  progress?: string;
  /** As wide as a list needs. */
  wide?: boolean;
  /** Where its forms may send the browser, beside this server. */
  formTargets?: readonly string[];
}

/** How often a page that waits is loaded anew where there are no scripts, in seconds. */
const RELOAD_SECONDS = 5;

/**
 * The document of a page. Its heading is the page's title.
 *
 * @param base - path under which the connect page is served, without a slash at the end
 */
export function documentOf({ title, body, progress, wide = false }: Page, base: string): Html {
  const waits =
    progress === undefined
      ? ''
      : html`<script src="${base}/${PROGRESS_SCRIPT.name}" defer></script>
          <noscript><meta http-equiv="refresh" content="${RELOAD_SECONDS}" /></noscript>`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="stylesheet" href="${base}/${STYLE_SHEET.name}" />
        <link rel="icon" type="image/svg+xml" href="${base}/${ICON_FILE.name}" />
        ${waits}
      </head>
      <body class="${wide ? 'wide' : ''}">
        <main>
          <h1>${title}</h1>
          ${body}
          ${
            progress === undefined
              ? ''
              : html`<p class="soft" role="status" data-progress="${progress}">
                  This page looks by itself how it goes on.
                </p>`
          }
        </main>
      </body>
    </html>`;
}
