import type { AuthorizationStatus } from '../contract/consent-messages.js';

/** What a person reads in the Temporal UI about what there is to do (markdown). */
export function consentDetails(status: AuthorizationStatus): string {
  const { phase, userCode, verificationUri, expiresAt, deadline } = status;
  const rows: [string, string][] = [];
  if (phase === 'device' && userCode !== null && verificationUri !== null) {
    const uri = status.verificationUriComplete ?? verificationUri;
    rows.push(['To do', `Open ${asLink(uri)} and enter the code **${asText(userCode)}**`]);
    if (expiresAt !== null) rows.push(['The code ends', `${expiresAt}; another one follows`]);
  } else if (phase === 'authorized') {
    rows.push(['To do', 'Nothing: the connection is authorized.']);
  } else {
    rows.push(['To do', 'A person has to authorize the connection.']);
  }
  if (deadline !== null && phase !== 'authorized') rows.push(['Given up', deadline]);
  return ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join(
    '\n',
  );
}

/** The authorization server's own texts, so that the UI does not take them for markdown. */
function asText(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '').replaceAll(/[!-,./:-@[-`{-~]/g, '\\$&');
}

function asLink(uri: string): string {
  return `<${uri.replaceAll(/[<>|\s]/g, encodeURIComponent)}>`;
}
