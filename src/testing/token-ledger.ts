/** What a token endpoint did: every token it issued, was shown and revoked, in order. */
export class TokenLedger {
  /** Access tokens issued. */
  readonly accessTokens: string[] = [];
  /** Refresh tokens issued. */
  readonly refreshTokens: string[] = [];
  /** Refresh tokens presented in token requests; one that was presented twice is here twice. */
  readonly presented: string[] = [];
  /** Tokens revoked by request (RFC 7009). */
  readonly revoked: string[] = [];
  readonly #activeUntil = new Map<string, number>();

  /** Writes down an answer's tokens. */
  issue(accessToken: string | null, refreshToken: string | null, lifetimeMs: number): void {
    if (accessToken !== null) {
      this.accessTokens.push(accessToken);
      this.#activeUntil.set(accessToken, performance.now() + lifetimeMs);
    }
    if (refreshToken !== null) this.refreshTokens.push(refreshToken);
  }

  /** Revokes a token; the request for it is known to have been made. */
  revoke(token: string): void {
    this.revoked.push(token);
    this.#activeUntil.delete(token);
  }

  /** Whether an access token was issued here, has not expired and was neither revoked nor ended. */
  isActive(accessToken: string): boolean {
    return performance.now() < (this.#activeUntil.get(accessToken) ?? 0);
  }

  /** Ends every access token issued so far, behind everybody's back. */
  endAll(): void {
    this.#activeUntil.clear();
  }

  /** Every token there was, for a search. */
  secrets(): string[] {
    return [...new Set([...this.accessTokens, ...this.refreshTokens, ...this.presented])];
  }
}
