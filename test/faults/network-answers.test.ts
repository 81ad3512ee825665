/** A token endpoint that is unwell, or whose answers are lost. */
import { expect } from 'vitest';
import { tokenDocument } from '../support/token-records.js';
import { answerOddly, GRACE, lost, refused, withMembers } from './support/odd-answers.js';
import type { Misbehaviour } from './support/rotating-server.js';
import { scenario } from './support/scenario.js';

scenario({
  alone: true,
  number: 26,
  fault: 'the server answers 500 three times, then issues',
  outcome: 'asked again with pauses, and everybody is served, whatever the profile',
  async run(fault) {
    await fault.startWorker('worker');
    const rotations = ['none', GRACE, 'strict'] as const;
    await Promise.all(
      rotations.map(async (rotation, index) => {
        const connectionId = await fault.putExpired(`three-500-${index}`, { rotation });
        const broken = refused({ status: 500, body: 'broken' });
        fault.server.misbehave(connectionId, broken, broken, broken);
        expect(await fault.ensure(connectionId)).toMatchObject({ generation: 2 });
        expect(fault.server.exchangesOf(connectionId)).toHaveLength(5);
      }),
    );
    return undefined;
  },
});

scenario({
  alone: true,
  number: 28,
  fault: 'the server answers 503 with an HTML page that echoes the refresh token',
  outcome: 'transient, nothing is at risk with Retry-After, and the page is nowhere',
  async run(fault) {
    await fault.startWorker('worker');
    const connectionId = await fault.putExpired('html-503', { rotation: 'strict' });
    const echoed = await fault.storedRefreshToken(connectionId);
    const headers = { 'content-type': 'text/html', 'retry-after': '3' };
    fault.server.misbehave(
      connectionId,
      refused({ status: 503, headers, body: `<html>${echoed}</html>` }),
    );
    const refusal = await fault.ask(connectionId);
    expect(refusal).toMatchObject({ type: 'OAuth.server_error', final: false });
    const { state, unknown } = await tokenDocument(fault.system, connectionId);
    expect({ state, unknown }).toEqual({ state: 'active', unknown: [] });
    expect(await fault.ensure(connectionId)).toMatchObject({ generation: 2 });
    const [, first, second] = fault.server.exchangesOf(connectionId);
    expect((second?.arrivedAt ?? 0) - (first?.endedAt ?? 0)).toBeGreaterThan(2_900);
    return undefined;
  },
});

scenario({
  alone: true,
  number: 31,
  fault: 'the connection is reset after the server has rotated',
  outcome: 'none and grace go on; strict is asked once more and then asks for a person',
  async run(fault) {
    const reset: Misbehaviour = { answers: 'lose' };
    await answerOddly(fault, {
      none: { misbehaviour: reset, rotation: 'none', requests: 3 },
      grace: { misbehaviour: reset, requests: 3 },
      strict: {
        ...{ misbehaviour: reset, rotation: 'strict', requests: 3 },
        ...{ state: 'reauthorization_required', generation: 1 },
      },
    });
    return { unavoidablyLost: 1 };
  },
});

scenario({
  alone: true,
  number: 32,
  fault: 'the answer is cut in the middle of the refresh token',
  outcome: 'no half token is stored; the outcome is unknown and the profile decides',
  async run(fault) {
    const cut = lost((members) => {
      const body = JSON.stringify({ refresh_token: members['refresh_token'], ...members });
      return { body, cutAfterBytes: body.indexOf(String(members['refresh_token'])) + 12 };
    });
    await answerOddly(fault, {
      none: { misbehaviour: cut, rotation: 'none', requests: 3 },
      grace: { misbehaviour: cut, requests: 3 },
      strict: {
        ...{ misbehaviour: cut, rotation: 'strict', requests: 3 },
        ...{ state: 'reauthorization_required', generation: 1 },
      },
    });
    return { unavoidablyLost: 1 };
  },
});

/** A loop would make hundreds in this time. */
const WATCH_MS = 20_000;
/** Of a token of one second: 20 %, and up to 5 % by chance, before its end. */
const SHORTEST_PERIOD_MS = 750;

scenario({
  alone: true,
  number: 39,
  fault: 'expires_in of 0, 1, -1, 1e12 and never, of connections that are refreshed ahead',
  outcome: 'no tight loop, and whoever calls is served or told',
  async run(fault) {
    const worker = await fault.startWorker('worker');
    const values = [0, 1, -1, 1e12, 'never'];
    const ids = await Promise.all(
      values.map(async (value, index) => {
        const connection = { rotation: 'none', refresh: 'ahead', lifetimeS: 600 } as const;
        const odd = Array.from({ length: 200 }, () => withMembers({ expires_in: value }));
        fault.server.misbehave(`lifetime-${index}-${fault.system.id}`, ...odd);
        return fault.put(`lifetime-${index}`, connection);
      }),
    );
    await Promise.all(ids.map((connectionId) => fault.requested(connectionId, 1)));
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    const exchanges = ids.map((connectionId) => fault.server.exchangesOf(connectionId));
    const counts = exchanges.map(({ length }) => length);
    const firstAt = Math.min(...exchanges.map(([first]) => first?.arrivedAt ?? Infinity));
    const periods = (performance.now() - firstAt) / SHORTEST_PERIOD_MS;
    for (const count of counts) expect(count).toBeLessThanOrEqual(1 + periods);
    expect(counts.slice(3)).toEqual([1, 1]);
    // What is looked at afterwards stands still: no answer is on its way to the store.
    await worker.end();
    return { more: { mostRequests: Math.max(...counts) } };
  },
});
