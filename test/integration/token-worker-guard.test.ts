/** The token worker's own leak guard: no secret of any connection in what its activities return. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';
import { startApplication, type Application } from './application.js';
import { failureOf } from './expected-failure.js';
import { startRecordingServer, type RecordingServer } from './recording-server.js';

let system: TokenSystem;
let application: Application;
let api: RecordingServer;

beforeAll(async () => {
  system = await startTokenSystem();
  let first = '';
  api = await startRecordingServer(({ path, headers }, response) => {
    first ||= (headers.authorization ?? '').replace('Bearer ', '');
    if (path === '/first') response.end(JSON.stringify({ note: `of another: ${first}` }));
    else if (path === '/jwt') response.end('eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxMiJ9MTIz.c2ln');
    else response.end('fine');
  });
  await system.startWorker();
  application = await startApplication(system);
});
afterAll(async () => {
  await application.stop();
  await api.stop();
  await system.close();
});

it('refuses to return the token of another connection, and what else an API says it returns', async () => {
  const put = async (name: string) => {
    const file = system.connectionFile(name, { api: { allowedOrigins: [api.origin] } });
    return (await system.put(file)).connectionId;
  };
  const [one, other] = [await put('one'), await put('other')];
  const call = (connectionId: string, path: string) =>
    application.call('callApi', [{ connectionId, method: 'GET', url: `${api.origin}${path}` }]);
  expect(await call(one, '/')).toMatchObject({ body: 'fine' });
  const refused = await failureOf(call(other, '/first'));
  expect(refused).toMatchObject({ type: 'Policy.secret_leak_blocked', nonRetryable: true });
  expect(await call(other, '/jwt')).toMatchObject({ status: 200 });
  expect(await application.call('getAccessToken', [{ connectionId: one }])).toMatchObject({
    connectionId: one,
    generation: 1,
  });
});
