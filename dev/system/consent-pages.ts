/** Pages that the authorization server shows to a person: plain HTML, no script. */

/** Text as it may stand in HTML, in attributes too. */
function escaped(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 28rem; margin: 4rem auto; padding: 0 1rem; }
input, button { font: inherit; padding: 0.4rem 0.8rem; }
</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
${body}
</main>
</body>
</html>`;
}

/** Asks who the person is; there is no password. */
export function signInPage(client: string): string {
  return page(
    'Sign in',
    `<p>to continue to ${escaped(client)}</p>
<form method="post">
<label for="account">Account</label>
<input id="account" name="account" type="text" autocomplete="username" required>
<button type="submit" name="action" value="sign_in">Sign in</button>
<button type="submit" name="action" value="cancel" formnovalidate>Cancel</button>
</form>`,
  );
}

/** What a person is asked to consent to. */
export interface ConsentQuestion {
  client: string;
  account: string;
  scopes: string[];
}

/** Asks for a consent. */
export function consentPage({ client, account, scopes }: ConsentQuestion): string {
  const items = scopes.map((scope) => `<li>${escaped(scope)}</li>`).join('\n');
  return page(
    `Allow ${client}?`,
    `<p>${escaped(client)} wants to act for ${escaped(account)}:</p>
<ul>
${items}
</ul>
<form method="post">
<button type="submit" name="action" value="allow">Allow</button>
<button type="submit" name="action" value="deny">Deny</button>
</form>`,
  );
}

/**
 * Asks for the code that a device shows.
 *
 * @param form - the form, without a button
 * @param problem - why it is asked again; null: it is the first time
 */
export function userCodePage(form: string, problem: string | null): string {
  const alert = problem === null ? '' : `<p role="alert">${escaped(problem)}</p>\n`;
  return page(
    'Connect a device',
    `${alert}<p>Enter the code that the device shows.</p>
${form}
<button type="submit" form="op.deviceInputForm">Continue</button>`,
  );
}

/** Asks whether the device at hand shows the same code. */
export function confirmDevicePage(form: string, client: string, userCode: string): string {
  return page(
    'Is this your device?',
    `<p>${escaped(client)} shows the code <strong>${escaped(userCode)}</strong>.</p>
${form}
<button type="submit" form="op.deviceConfirmForm">Continue</button>
<button type="submit" form="op.deviceConfirmForm" name="abort" value="yes">Cancel</button>`,
  );
}

/** Says how it ended. */
export function lastPage(title: string, text: string): string {
  return page(title, `<p>${escaped(text)}</p>`);
}
