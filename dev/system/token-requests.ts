/** One request that reached the token endpoint. It never holds a secret or a token. */
export interface TokenRequest {
  at: Date;
  /** What was asked with, or null as long as the body has not been read. */
  grantType: string | null;
  /** Who asked, authenticated or not; null as long as it is not known. */
  clientId: string | null;
  /** Status of the answer, or null as long as there is none. */
  status: number | null;
}

/** `issued`: answered with 200; `refused`: answered with anything else; `pending`: no answer yet. */
export type TokenOutcome = 'issued' | 'refused' | 'pending';

/** Which token requests to count; what is left out does not matter. */
export interface TokenRequestFilter {
  grantType?: string;
  clientId?: string;
  outcome?: TokenOutcome;
}

function outcomeOf(request: TokenRequest): TokenOutcome {
  if (request.status === null) return 'pending';
  return request.status === 200 ? 'issued' : 'refused';
}

/** Counts the token requests that a filter lets through. */
export function countRequests(requests: TokenRequest[], filter: TokenRequestFilter): number {
  const { grantType, clientId, outcome } = filter;
  return requests.filter(
    (request) =>
      (grantType === undefined || request.grantType === grantType) &&
      (clientId === undefined || request.clientId === clientId) &&
      (outcome === undefined || outcomeOf(request) === outcome),
  ).length;
}

/** The client id in an HTTP Basic header, whether or not the secret is right, or null. */
export function basicClientId(authorization: string | undefined): string | null {
  const encoded = /^Basic (.+)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return null;
  const [user = ''] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  try {
    return decodeURIComponent(user.replaceAll('+', ' '));
  } catch {
    return null;
  }
}

/** Notes what is not secret in the body of a token request. */
export function noteBody(request: TokenRequest, body: Record<string, unknown>): void {
  if (typeof body['grant_type'] === 'string') request.grantType = body['grant_type'];
  if (typeof body['client_id'] === 'string') request.clientId ??= body['client_id'];
}
