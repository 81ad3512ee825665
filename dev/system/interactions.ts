import { text } from 'node:stream/consumers';
import type { InteractionResults, KoaContextWithOIDC } from 'oidc-provider';
import type { Provider } from 'oidc-provider/lib/provider.js';
import { consentPage, signInPage } from './consent-pages.js';

type OidcProvider = InstanceType<typeof Provider>;
type Interaction = Awaited<ReturnType<OidcProvider['interactionDetails']>>;

/** Where a person is asked. */
export const interactionPath = (uid: string): string => `/interaction/${uid}`;

/**
 * The pages on which a person signs in and consents. Whoever gives a name is that account: what
 * counts here is what comes after.
 */
export function interactions(provider: OidcProvider) {
  return async (context: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    if (!/^\/interaction\/[\w-]+$/.test(context.path)) return next();
    const { req, res } = context;
    const details = await provider.interactionDetails(req, res).catch(() => null);
    if (details === null) {
      context.status = 400;
      context.body = 'This page is no longer valid.';
    } else if (context.method === 'POST') {
      const form = new URLSearchParams(await text(req));
      const result = await resultOf(provider, details, form);
      context.status = 303;
      context.set('location', await provider.interactionResult(req, res, result));
    } else {
      context.type = 'html';
      context.body = pageOf(details);
    }
  };
}

function pageOf(details: Interaction): string {
  const client = String(details.params['client_id']);
  const account = details.session?.accountId;
  return details.prompt.name === 'login' || account === undefined
    ? signInPage(client)
    : consentPage({ client, account, scopes: missingScopes(details) });
}

function missingScopes({ prompt }: Interaction): string[] {
  const scopes = prompt.details['missingOIDCScope'];
  return Array.isArray(scopes) ? scopes.map(String) : [];
}

async function resultOf(
  provider: OidcProvider,
  details: Interaction,
  form: URLSearchParams,
): Promise<InteractionResults> {
  switch (form.get('action')) {
    case 'sign_in':
      return { login: { accountId: form.get('account') ?? '' } };
    case 'allow':
      return { consent: { grantId: await grantOf(provider, details) } };
    default:
      return { error: 'access_denied', error_description: 'The person refused.' };
  }
}

async function grantOf(provider: OidcProvider, details: Interaction): Promise<string> {
  const { session, params, grantId } = details;
  const before = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  const accountId = session?.accountId;
  if (accountId === undefined) throw new Error('nobody has signed in');
  const grant = before ?? new provider.Grant({ accountId, clientId: String(params['client_id']) });
  grant.addOIDCScope(missingScopes(details).join(' '));
  return grant.save();
}
