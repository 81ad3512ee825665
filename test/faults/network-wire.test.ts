/** The network between a worker and Temporal, or the token endpoint, fails. */
import { expect, inject } from 'vitest';
import { tokenDocument } from '../support/token-records.js';
import { until } from '../support/until.js';
import type { FaultSystem } from './support/fault-system.js';
import { GRACE } from './support/odd-answers.js';
import { scenario } from './support/scenario.js';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.js';

/** Puts a proxy before the token endpoint of the connections to come. */
async function proxyTokenEndpoint(fault: FaultSystem): Promise<TcpProxy> {
  const url = new URL(fault.server.tokenEndpoint);
  const proxy = await startTcpProxy(url.host);
  url.host = proxy.address;
  fault.tokenEndpoint = url.href;
  return proxy;
}

scenario({
  alone: true,
  number: 24,
  fault: 'a worker loses Temporal between send and commit, and neither MongoDB nor the server',
  outcome: 'it commits; the worker that takes over finds the token and asks nothing',
  async run(fault) {
    const proxy = await startTcpProxy(inject('temporalAddress'));
    try {
      const environment = { TEMPORAL_ADDRESS: proxy.address };
      const cutOff = await fault.startWorker('cut off', { environment });
      const connectionId = await fault.putExpired('zombie', { rotation: 'strict' });
      const captured = await cutOff.order({ point: 'after:send', does: 'wait' });
      const waiting = fault.ensure(connectionId);
      await captured.reached;
      await proxy.set({ do: 'refuse' });
      const startedAt = performance.now();
      const other = await fault.startWorker('other');
      captured.go();
      expect(await waiting).toMatchObject({ generation: 2 });
      const recoveryMs = performance.now() - startedAt;
      await until('the other worker has looked', () =>
        other.passed.some(({ point }) => point === 'after:read'),
      );
      expect(other.passed.filter(({ point }) => point === 'before:send')).toEqual([]);
      expect(cutOff.passed.filter(({ point }) => point === 'after:commit')).toHaveLength(2);
      expect(fault.server.exchangesOf(connectionId)).toHaveLength(2);
      await proxy.set({ do: 'pass' });
      await cutOff.end();
      return { recoveryMs };
    } finally {
      await proxy.stop();
    }
  },
});

scenario({
  alone: true,
  number: 29,
  fault: 'nobody listens at the token endpoint',
  outcome: 'nothing was sent: no grant is at risk, and the next try serves',
  async run(fault) {
    const proxy = await proxyTokenEndpoint(fault);
    try {
      await fault.startWorker('worker');
      const connectionId = await fault.putExpired('refused', { rotation: 'strict' });
      await proxy.set({ do: 'refuse' });
      expect(await fault.ask(connectionId)).toMatchObject({
        ...{ type: 'OAuth.unreachable', final: false },
      });
      const { state, unknown, attempt } = await tokenDocument(fault.system, connectionId);
      expect({ state, unknown, attempt }).toEqual({ state: 'active', unknown: [], attempt: null });
      await proxy.set({ do: 'pass' });
      expect(await fault.ensure(connectionId)).toMatchObject({ generation: 2 });
      expect(fault.server.exchangesOf(connectionId)).toHaveLength(2);
      return undefined;
    } finally {
      await proxy.stop();
    }
  },
});

scenario({
  alone: true,
  number: 30,
  fault: 'the answer comes byte by byte, slower than the request may take',
  outcome: 'cut at the time limit, its outcome unknown, and asked again inside the grace',
  async run(fault) {
    await fault.startWorker('worker');
    const connectionId = await fault.putExpired('slow', { rotation: GRACE });
    fault.server.misbehave(connectionId, {
      answers: (processed) =>
        typeof processed === 'string' ? processed : { ...processed, byteEveryMs: 50 },
    });
    const startedAt = performance.now();
    expect(await fault.ensure(connectionId)).toMatchObject({ generation: 2 });
    const recoveryMs = performance.now() - startedAt;
    expect(recoveryMs).toBeLessThan(GRACE.graceMs);
    await until('the slow answer was cut', () =>
      fault.server.exchangesOf(connectionId).every(({ endedAt }) => endedAt !== null),
    );
    expect(fault.server.exchangesOf(connectionId)).toHaveLength(3);
    return { recoveryMs };
  },
});
