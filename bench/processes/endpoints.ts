/**
 * The authorization server and the API of the benches, in a process of their own: as little as can be
 * in the way of what is measured. What they do is in the URL: `/token/<answer after ms>/<lifetime s>`
 * issues tokens; `/things` is the API and refuses tokens that are unknown or expired. `/seen` tells
 * what arrived, `/know` makes tokens valid that a bench has sealed itself.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const expiryOf = new Map<string, number>();
const tokenRequests: { at: number; clientId: string }[] = [];
const apiCalls = { served: 0, refused: 0 };
let salt = 0;

async function issue(request: IncomingMessage, response: ServerResponse, path: string[]) {
  const at = Date.now();
  const [delayMs = 0, lifetimeS = 0] = path.map(Number);
  const clientId = new URLSearchParams(await text(request)).get('client_id') ?? '';
  tokenRequests.push({ at, clientId });
  if (delayMs > 0) await sleep(delayMs);
  salt += 1;
  const accessToken = `${salt.toString(36)}.${randomBytes(32).toString('base64url')}`;
  expiryOf.set(accessToken, performance.now() + lifetimeS * 1_000);
  json(response, 200, {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: lifetimeS,
  });
}

function answerCall(request: IncomingMessage, response: ServerResponse): void {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const valid = performance.now() < (expiryOf.get(token) ?? 0);
  apiCalls[valid ? 'served' : 'refused'] += 1;
  if (valid) json(response, 200, { things: [] });
  else json(response, 401, { error: 'invalid_token' });
}

async function know(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const tokens = JSON.parse(await text(request)) as [token: string, lifetimeMs: number][];
  for (const [token, lifetimeMs] of tokens) expiryOf.set(token, performance.now() + lifetimeMs);
  json(response, 200, {});
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [route = '', ...path] = (request.url ?? '/').slice(1).split('/');
  if (route === 'token') return issue(request, response, path);
  if (route === 'things') return answerCall(request, response);
  if (route === 'know') return know(request, response);
  if (route === 'seen') return json(response, 200, { tokenRequests, apiCalls });
  json(response, 404, {});
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port was given.');
  process.stdout.write(`ready http://127.0.0.1:${address.port}\n`);
});
