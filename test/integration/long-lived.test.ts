import { WorkflowNotFoundError } from '@temporalio/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTemporal, type TemporalServer } from '../../dev/servers/temporal.js';
import { lifecycleWorkflowId } from '../../src/contract/names.js';
import { bundleWithTimeouts } from '../support/short-bundle.js';
import { startTokenSystem, type TokenSystem } from '../support/token-system.js';

let system: TokenSystem;

afterEach(() => system.close());

async function runOf(connectionId: string): Promise<{ runId: string; status: string } | null> {
  try {
    const handle = system.client.workflow.getHandle(lifecycleWorkflowId(connectionId));
    const { runId, status } = await handle.describe();
    return { runId, status: status.name };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

describe('a lifecycle that nobody needs', () => {
  beforeEach(async () => {
    system = await startTokenSystem({ authorizationServer: { accessTokenTtlSeconds: 600 } });
    const workflowBundle = await bundleWithTimeouts({ idleMs: 1_500 });
    await system.startWorker({ workerOptions: { workflowBundle } });
  });

  it('ends by itself, and the next caller starts it again', async () => {
    const { connectionId } = await system.put(system.connectionFile('idle'));
    const tokens = system.source();
    const first = await tokens.getAccessToken(connectionId);
    await expect
      .poll(() => runOf(connectionId), { timeout: 20_000 })
      .toMatchObject({ status: 'COMPLETED' });
    const next = await tokens.getAccessToken(connectionId, {
      rejectedGeneration: first.generation,
    });
    expect(next.generation).toBe(first.generation + 1);
    expect(system.authorizationServer.countTokenRequests()).toBe(2);
  });
});

describe('a lifecycle with a long history', () => {
  let temporal: TemporalServer;
  const MANY = 40;

  beforeEach(async () => {
    // Continue-as-new is suggested at 90 % of the updates a run may have, 2,000 by default.
    temporal = await startTemporal({ dynamicConfig: { 'history.maxTotalUpdates': 20 } });
    system = await startTokenSystem({
      temporalAddress: temporal.address,
      authorizationServer: { accessTokenTtlSeconds: 600 },
    });
    await system.startWorker();
  });
  afterEach(() => temporal.stop());

  it('continues as new without losing a caller', async () => {
    const { connectionId } = await system.put(system.connectionFile('many'));
    const tokens = system.source();
    let { generation } = await tokens.getAccessToken(connectionId);
    const firstRun = await runOf(connectionId);
    for (let refresh = 0; refresh < MANY; refresh += 1) {
      // As if it had expired: rejections in a row would be slowed down.
      await system.database.tokens.updateOne(
        { _id: connectionId },
        { $set: { expiresAt: new Date(0), refreshAfter: new Date(0) } },
      );
      const fresh = system.source();
      const token = await fresh.getAccessToken(connectionId);
      await fresh.close();
      expect(token.generation).toBe(generation + 1);
      generation = token.generation;
    }
    expect(system.authorizationServer.countTokenRequests()).toBe(MANY + 1);
    const lastRun = await runOf(connectionId);
    expect(lastRun?.status).toBe('RUNNING');
    expect(lastRun?.runId).not.toBe(firstRun?.runId);
  });
});
