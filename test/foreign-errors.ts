import { MongoServerError } from 'mongodb';
import * as oauth from 'oauth4webapi';

/** A token that must not turn up anywhere. */
export const PLANTED = 'planted-secret-4f9c2e81d7';
/** Its first characters, which are enough to give it away. */
export const MARK = PLANTED.slice(0, 10);

const server = { issuer: 'https://auth.example' };
const client = { client_id: 'client_id_123' };

/** Errors that libraries really throw, each with the planted secret somewhere in it. */
export async function foreignErrors(): Promise<[string, unknown][]> {
  const answer = (status: number, body: unknown): Response =>
    Response.json(body, { status, headers: { 'content-type': 'application/json' } });
  const read = (response: Response) =>
    thrownBy(() => oauth.processClientCredentialsResponse(server, client, response));
  return [
    [
      'oauth4webapi: 200 without token_type',
      await read(answer(200, { access_token: PLANTED, refresh_token: PLANTED })),
    ],
    [
      'oauth4webapi: invalid_grant whose description quotes the token',
      await read(answer(400, { error: 'invalid_grant', error_description: `${PLANTED} is old` })),
    ],
    [
      'Headers: a line break in a token',
      await thrownBy(() => new Headers({ authorization: `Bearer ${PLANTED}\n.` })),
    ],
    ['JSON.parse: a form-encoded answer', await thrownBy(() => void JSON.parse(PLANTED))],
    [
      'mongodb: a duplicate key',
      new MongoServerError({ errmsg: `E11000 dup key: { _id: "${PLANTED}" }`, code: 11000 }),
    ],
    ['an error whose cause holds it', new Error('x', { cause: { body: { token: PLANTED } } })],
    ['an error made of errors', new AggregateError([new Error(PLANTED)], PLANTED)],
    ['a message that looks like a stack', new Error(`broken\n    at ${PLANTED} (a.js:1:1)`)],
    ['a text', PLANTED],
    ['an object', { message: PLANTED, code: PLANTED }],
  ];
}

async function thrownBy(act: () => unknown): Promise<unknown> {
  try {
    await act();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing was thrown.');
}
