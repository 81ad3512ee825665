import type { LifecycleView } from '../contract/messages.js';

/** What people read about a run in the Temporal UI (markdown). */
export function lifecycleDetails(view: LifecycleView): string {
  const { status } = view;
  if (status === null) return 'The connection does not exist any more.';
  const rows: [string, string][] = [
    ['State', `**${status.state}**`],
    ['Generation', `${status.generation} (epoch ${status.epoch})`],
    ['Expires', status.expiresAt ?? 'no lifetime known'],
    ['Next refresh', status.nextRefreshAt ?? 'when a caller needs it'],
    ['Scope', status.scope === null ? 'as the server decides' : asCode(status.scope)],
  ];
  if (status.invalid !== null)
    rows.push(['Invalid', `${status.invalid.reason}, ${status.invalid.at}`]);
  if (status.failures > 0) rows.push(['Failed attempts', String(status.failures)]);
  if (status.retryAt !== null) rows.push(['Next attempt', status.retryAt]);
  const { lastOutcome } = status;
  if (lastOutcome !== null && lastOutcome.type !== null) {
    rows.push(['Last failure', `\`${lastOutcome.type}\`, ${lastOutcome.at}`]);
  }
  return ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join(
    '\n',
  );
}

/** The authorization server's own words, so that the UI does not take them for markdown. */
function asCode(text: string): string {
  return `\`${text.replaceAll('`', "'").replaceAll('|', '\\|')}\``;
}
