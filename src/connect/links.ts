import { isConnectionId } from '../contract/names.js';
import { readToken, type KeyProvider, type TokenDatabase } from '../store/index.js';
import { AuthorizationError } from '../authorizations/index.js';
import { createMessageAuth } from './message-auth.js';

/** Whom a link is for. */
export interface NewLink {
  connectionId: string;
  /** How long it opens the connection's page, in milliseconds. */
  lifetimeMs: number;
  /** Who asks the person, as the page tells it. */
  from: string;
}

/** A link that was made. It opens the page of one connection for whoever has it. */
export interface MadeLink {
  url: string;
  expiresAt: Date;
}

/** What a link opens. */
export interface OpenedLink {
  connectionId: string;
  from: string;
  expiresAt: number;
}

/** Why a link opens nothing: it is not ours, its time is over, or its connection is not there. */
export type RefusedLink = 'forged' | 'expired' | 'gone';

/** Makes and opens links for people. */
export interface Links {
  /**
   * Makes a link.
   *
   * @throws AuthorizationError `Connection.not_found`; StoreError
   */
  make(link: NewLink): Promise<MadeLink>;
  /** Opens the last part of a link's path. */
  open(signed: string): Promise<OpenedLink | RefusedLink>;
}

const USE = 'connect-link';
const SIGNED = /^([\w-]{20,1000})\.([\w-]{43})$/;
const LONGEST_FROM = 80;
const LONGEST_LIFETIME_MS = 90 * 86_400_000;

/** What is signed: short names, because it stands in a URL. */
interface Content {
  /** Connection. */
  c: string;
  /** Incarnation: a connection that was removed and put anew is another one. */
  i: string;
  /** Expiry, in seconds. */
  e: number;
  /** Who asks. */
  f: string;
  /** Key. */
  k: string;
}

/**
 * Makes and opens links for people: signed with a key derived from a `grant` key, for one connection,
 * until a time of MongoDB's clock.
 *
 * @param publicUrl - base URL of the connect page
 */
export function createLinks(
  { database, keys }: { database: TokenDatabase; keys: KeyProvider },
  publicUrl: string,
): Links {
  const auth = createMessageAuth(keys);
  return {
    async make({ connectionId, lifetimeMs, from }) {
      const found = await readToken(database, connectionId);
      if (found === null) throw new AuthorizationError('Connection.not_found', '');
      const { now, incarnation } = found.record;
      const expires = Math.floor((now + Math.min(lifetimeMs, LONGEST_LIFETIME_MS)) / 1_000);
      const { kid } = await keys.active('grant');
      const content: Content = {
        ...{ c: connectionId, i: incarnation, e: expires, k: kid },
        f: from.slice(0, LONGEST_FROM),
      };
      const text = Buffer.from(JSON.stringify(content)).toString('base64url');
      const code = await auth.sign(USE, text, kid);
      const url = `${publicUrl.replace(/\/+$/, '')}/c/${text}.${code}`;
      return { url, expiresAt: new Date(expires * 1_000) };
    },
    async open(signed) {
      const [, text = '', code = ''] = SIGNED.exec(signed) ?? [];
      const content = contentOf(text);
      if (content === null || !(await auth.verify(USE, text, { kid: content.k, code }))) {
        return 'forged';
      }
      const found = await readToken(database, content.c);
      if (found === null || found.record.incarnation !== content.i) return 'gone';
      const expiresAt = content.e * 1_000;
      if (found.record.now >= expiresAt) return 'expired';
      return { connectionId: content.c, from: content.f, expiresAt };
    },
  };
}

/** Read before it is verified, for the id of the key alone: nothing of it is believed yet. */
function contentOf(text: string): Content | null {
  let read: unknown;
  try {
    read = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
  if (typeof read !== 'object' || read === null) return null;
  const { c, i, e, f, k } = read as Partial<Record<keyof Content, unknown>>;
  const texts = [i, f, k].every((value) => typeof value === 'string');
  return isConnectionId(c) && texts && Number.isSafeInteger(e) ? (read as Content) : null;
}
