import { FAILURES, isFailureType } from '../contract/failure-types.js';
import type { ConnectionStatus, LifecycleView, Revoked } from '../contract/messages.js';

/** What people read about a run in the Temporal UI (markdown). */
export function lifecycleDetails(view: LifecycleView): string {
  const { status } = view;
  if (status === null) return 'The connection does not exist any more.';
  const issued = status.generation > 0;
  const rows: [string, string][] = [
    ['State', `**${status.state}**`],
    ['Token', issued ? `generation ${status.generation} (epoch ${status.epoch})` : 'none yet'],
  ];
  if (issued) {
    rows.push(['Expires', status.expiresAt ?? 'no lifetime known']);
    rows.push(['Scope', status.scope === null ? 'as the server decides' : asCode(status.scope)]);
  }
  rows.push(['Next refresh', nextRefreshOf(status)]);
  if (status.invalid !== null) {
    rows.push(['Invalid', `${status.invalid.reason}, ${status.invalid.at}`]);
  }
  if (status.refreshTokenExpiresAt != null) {
    rows.push(['Refresh token ends', status.refreshTokenExpiresAt]);
  }
  if (status.revocation != null) {
    rows.push(['Refresh token', revokedText(status.revocation.refreshToken)]);
    rows.push(['Access token', revokedText(status.revocation.accessToken)]);
  }
  const { lastOutcome } = status;
  if (lastOutcome !== null && lastOutcome.type !== null) {
    rows.push(['Last failure', `\`${lastOutcome.type}\`, ${lastOutcome.at}`]);
    if (isFailureType(lastOutcome.type)) rows.push(['What to do', FAILURES[lastOutcome.type].fix]);
  }
  return ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join(
    '\n',
  );
}

/** When somebody asks for a token next; the attempts of an outage are the pending activity's. */
function nextRefreshOf(status: ConnectionStatus): string {
  if (status.state === 'revoking') return 'none: the tokens are being revoked';
  if (status.state !== 'active' && status.state !== 'at_risk') return 'none before the next put';
  if (status.failures > 0 && status.retryAt !== null) return 'retried: see Pending Activities';
  return status.nextRefreshAt ?? 'when a caller needs it';
}

/** What the authorization server said of a token that it was asked to revoke. */
function revokedText(revoked: Revoked): string {
  if (revoked === null) return 'there was none';
  if (revoked === 'never') return 'erased; never confirmed, so it lives until it expires';
  return revoked ? 'revoked' : 'taken for alive until the server answers';
}

/** The authorization server's own words, so that the UI does not take them for markdown. */
function asCode(text: string): string {
  return `\`${text.replaceAll('`', "'").replaceAll('|', '\\|')}\``;
}
