import { createHash } from 'node:crypto';

/** A file that pages load, under a name that changes with what is in it. */
export interface Asset {
  name: string;
  type: string;
  body: string;
}

const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f5f1; --card: #fffefb; --ink: #23262b; --soft: #565c66; --line: #d9d6cc;
  --accent: #1f5a63; --accent-ink: #ffffff; --good: #256b3a; --waiting: #8a5100; --bad: #a32430;
  --off: #565c66;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #16191d; --card: #1e2227; --ink: #e8e6e0; --soft: #a9afb8; --line: #373d45;
    --accent: #8fd0d8; --accent-ink: #10262a; --good: #86cf9a; --waiting: #eab566; --bad: #f39a9f;
    --off: #a9afb8;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 1.0625rem/1.6 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif;
}
main { max-width: 40rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
.wide main { max-width: 64rem; }
.mark { margin: 0 0 1.5rem; color: var(--soft); font-size: .9375rem; }
h1 { font-size: 1.625rem; line-height: 1.25; margin: 0 0 .75rem; overflow-wrap: anywhere; }
h2 { font-size: 1.0625rem; margin: 1.75rem 0 .5rem; }
p { margin: 0 0 .75rem; }
a { color: var(--accent); text-underline-offset: .15em; }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: 1.25rem;
  margin: 0 0 1rem;
}
.card > :last-child { margin-bottom: 0; }
.card > h2:first-child { margin-top: 0; }
.card > dl:last-child > dd:last-child { margin-bottom: 0; }
.state { font-weight: 600; margin: 0 0 .25rem; }
.state::before {
  content: ""; display: inline-block; width: .7em; height: .7em; border-radius: 50%;
  background: currentColor; margin-right: .5em;
}
.good { color: var(--good); } .waiting { color: var(--waiting); } .bad { color: var(--bad); }
.off { color: var(--off); }
dl { margin: 0 0 .75rem; }
dt { color: var(--soft); font-size: .9375rem; }
dd { margin: 0 0 .75rem; overflow-wrap: anywhere; }
ul.plain { list-style: none; margin: 0; padding: 0; }
ul.plain li { overflow-wrap: anywhere; }
code { font: .9375em/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
.code {
  font: 600 2rem/1.3 ui-monospace, "DejaVu Sans Mono", monospace; letter-spacing: .08em;
  margin: .25rem 0 1rem; overflow-wrap: anywhere;
}
.soft { color: var(--soft); }
.buttons { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin: 1rem 0 0; }
.buttons form { margin: 0; }
button, .button {
  display: inline-block; min-height: 2.75rem; padding: .5rem 1.25rem; border-radius: .375rem;
  border: 1px solid var(--accent); background: var(--accent); color: var(--accent-ink);
  font: inherit; font-weight: 600; text-decoration: none; cursor: pointer;
}
button.quiet, .button.quiet { background: transparent; color: var(--accent); }
button.danger { background: transparent; border-color: var(--bad); color: var(--bad); }
label { display: block; font-weight: 600; margin: 0 0 .25rem; }
input, select, textarea {
  width: 100%; min-height: 2.75rem; padding: .5rem .75rem; border: 1px solid var(--soft);
  border-radius: .375rem; background: var(--card); color: var(--ink); font: inherit;
}
textarea { min-height: 13rem; font: .875rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.filter { display: grid; gap: .75rem; margin: 0 0 1rem; }
.rows { list-style: none; margin: 0 0 1rem; padding: 0; }
.rows > li { border-top: 1px solid var(--line); padding: .875rem 0; }
.rows dl, .rows .state { margin: 0; }
.rows > li > div + dl { margin-top: .5rem; }
.rows > li:first-child { border-top: 0; padding-top: 0; }
.rows dd { margin: 0 0 .5rem; }
.rows h2 { margin: 0 0 .25rem; overflow-wrap: anywhere; }
@media (min-width: 48rem) {
  main { padding-top: 4rem; }
  .wide main { padding-top: 2.5rem; }
  .facts { display: grid; grid-template-columns: 10rem 1fr; gap: .25rem 1rem; }
  .facts dd { margin: 0; }
  .filter { grid-template-columns: 1fr 14rem auto; align-items: end; }
  .rows > li { display: grid; grid-template-columns: 16rem 1fr; gap: 1rem; }
  .rows > li > div + dl { display: grid; grid-template-columns: repeat(3, 1fr); gap: 1rem; margin: 0; }
  .rows dd { margin: 0; }
}
@media (prefers-reduced-motion: no-preference) { a, button { transition: background-color .15s; } }
`;

/**
 * Looks again without taking the focus away: the page is loaded anew only when it says something
 * else. Without scripts the browser loads it anew by itself.
 */
const SCRIPT = `
(() => {
  const mark = () => document.querySelector('[data-progress]')?.getAttribute('data-progress');
  const look = async () => {
    try {
      const answer = await fetch(location.href, { credentials: 'same-origin', cache: 'no-store' });
      const text = await answer.text();
      const page = new DOMParser().parseFromString(text, 'text/html');
      const next = page.querySelector('[data-progress]')?.getAttribute('data-progress');
      if (answer.status < 500 && answer.status !== 429 && next !== mark()) return location.reload();
    } catch {
      // The network is away for a moment: the next look says more.
    }
    setTimeout(look, 2000);
  };
  setTimeout(look, 1000);
})();
`;

function asset(stem: string, ending: string, { type, body }: Omit<Asset, 'name'>): Asset {
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 12);
  return { name: `${stem}-${hash}.${ending}`, type, body };
}

/** The style sheet. */
export const STYLE_SHEET = asset('style', 'css', { type: 'text/css; charset=utf-8', body: STYLE });

/** The script of pages that wait for something. */
export const PROGRESS_SCRIPT = asset('progress', 'js', {
  ...{ type: 'text/javascript; charset=utf-8', body: SCRIPT },
});

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#1f5a63"/><circle cx="5" cy="8" r="2.5" fill="#fff"/><circle cx="11" cy="8" r="2.5" fill="#fff"/><path d="M5 8h6" stroke="#fff" stroke-width="1.5"/></svg>`;

/** The icon of a tab. */
export const ICON_FILE = asset('icon', 'svg', { type: 'image/svg+xml', body: ICON });

/** Every file that pages load. */
export const ASSETS: readonly Asset[] = [STYLE_SHEET, PROGRESS_SCRIPT, ICON_FILE];
