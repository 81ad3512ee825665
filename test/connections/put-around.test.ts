import { describe, expect, it } from 'vitest';
import { removeConnection, showConnection } from '../../src/connections/index.js';
import {
  store,
  warnings,
  CLIENT_CREDENTIALS,
  REFRESH_TOKEN,
  SECRETS,
  put,
  connectionOf,
  tokenOf,
  clientSecret,
  refreshToken,
} from './put-fixture.js';

describe('put and remove at the same time', () => {
  it('lets ten puts of one id end in one record that opens', async () => {
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        put(REFRESH_TOKEN, { ...SECRETS, SECRET: `s${index}` }),
      ),
    );
    expect(results.filter(({ created }) => created)).toHaveLength(1);
    expect((await connectionOf()).connection.revision).toBe(10);
    expect(await clientSecret()).toMatch(/^s\d$/);
    expect(await refreshToken()).toBe('rt-imported');
    expect((await tokenOf()).record).toMatchObject({ epoch: 1, failures: 9 });
  });

  it('makes a removed connection another one', async () => {
    const ended: string[] = [];
    const lifecycle = { end: async (id: string) => ended.push(id) > 0 };
    const { database } = store;
    await put(REFRESH_TOKEN);
    const { incarnation } = (await tokenOf()).record;
    const id = 'superservice';
    expect(await removeConnection({ database, lifecycle }, id)).toEqual({
      connectionId: id,
      removed: true,
    });
    expect(await database.tokens.countDocuments()).toBe(0);
    expect(await removeConnection({ database, lifecycle }, id)).toMatchObject({ removed: false });
    expect(ended).toEqual([id, id]);
    expect(await put(REFRESH_TOKEN)).toMatchObject({ created: true, epoch: 1 });
    expect((await tokenOf()).record.incarnation).not.toBe(incarnation);
  });

  it('leaves nothing to use when Temporal cannot be reached', async () => {
    await put(REFRESH_TOKEN);
    const lifecycle = { end: () => Promise.reject(new Error('unreachable')) };
    const { database } = store;
    await expect(removeConnection({ database, lifecycle }, 'superservice')).rejects.toThrow();
    expect(await database.connections.countDocuments()).toBe(0);
    expect(await database.tokens.countDocuments()).toBe(0);
  });
});

describe('the lifecycle', () => {
  const lifecycle = (running: boolean, answers: boolean) => {
    const calls: [string, boolean][] = [];
    const woken: string[] = [];
    return {
      ...{ calls, woken },
      configure: async (id: string, start: boolean) => {
        calls.push([id, start]);
        return answers;
      },
      describe: async () => (running ? { status: 'RUNNING' } : null),
      wake: async (id: string) => {
        woken.push(id);
        if (!answers) throw new Error('unreachable');
      },
    };
  };

  it('is not started for a connection that callers refresh', async () => {
    const idle = lifecycle(false, true);
    await put(CLIENT_CREDENTIALS, SECRETS, idle);
    expect(idle.calls).toEqual([]);
    const running = lifecycle(true, true);
    await put(CLIENT_CREDENTIALS, SECRETS, running);
    expect(running.calls).toEqual([['superservice', false]]);
    expect(warnings).toEqual([]);
  });

  it('is started for a connection that refreshes ahead, and put succeeds when nobody answers', async () => {
    const silent = lifecycle(false, false);
    const file = { ...CLIENT_CREDENTIALS, lifetime: { refresh: 'ahead' } };
    expect(await put(file, SECRETS, silent)).toMatchObject({ created: true });
    expect(silent.calls).toEqual([['superservice', true]]);
    expect(warnings).toEqual([expect.stringContaining('No worker answered')]);
  });

  it('wakes whoever waits for a grant that was put anew, and put succeeds when that fails', async () => {
    const reachable = lifecycle(false, true);
    await put(REFRESH_TOKEN, SECRETS, reachable);
    expect(reachable.woken).toEqual([]);
    await put(REFRESH_TOKEN, { ...SECRETS, REFRESH: 'rt-another' }, reachable);
    expect(reachable.woken).toEqual(['superservice']);
    const gone = lifecycle(false, false);
    const again = { ...SECRETS, REFRESH: 'rt-a-third' };
    expect(await put(REFRESH_TOKEN, again, gone)).toMatchObject({ epoch: 3 });
    expect(warnings).toEqual([expect.stringContaining('could not be woken')]);
  });
});

describe('show', () => {
  it('gives the file back, with secrets as sealed', async () => {
    await put(REFRESH_TOKEN);
    expect(showConnection(await connectionOf())).toMatchObject({
      ...REFRESH_TOKEN,
      client: { ...REFRESH_TOKEN.client, clientSecret: { sealed: true } },
      grant: { grantType: 'refresh_token', refreshToken: { sealed: true } },
      revision: 1,
      updatedBy: 'test@host',
    });
  });
});
