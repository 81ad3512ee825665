import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker, bundleWorkflowCode } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, it } from 'vitest';

const FOLDER = fileURLToPath(new URL('../histories/', import.meta.url));
const WORKFLOWS = fileURLToPath(new URL('../../src/workflows/workflows.ts', import.meta.url));
const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.json'));

interface RecordedHistory {
  events: {
    eventType: string;
    workflowExecutionStartedEventAttributes?: { workflowId?: string };
    timerStartedEventAttributes?: unknown;
  }[];
}

/** Runs that began under an older version of the workflows go on under this one. */
describe('recorded histories', () => {
  let workflowBundle: { code: string };
  beforeAll(async () => {
    workflowBundle = await bundleWorkflowCode({ workflowsPath: WORKFLOWS });
  });

  async function load(name: string): Promise<RecordedHistory> {
    return JSON.parse(await readFile(`${FOLDER}${name}`, 'utf8')) as RecordedHistory;
  }

  async function replay(recorded: RecordedHistory): Promise<void> {
    const [first] = recorded.events;
    const id = first?.workflowExecutionStartedEventAttributes?.workflowId;
    await Worker.runReplayHistory({ workflowBundle }, historyFromJSON(recorded), id);
  }

  it('are there', () => {
    expect(files.length).toBeGreaterThanOrEqual(7);
  });

  it.each(files)('replays %s', async (name) => {
    await replay(await load(name));
  });

  it('fails for a history that the workflows would not make', async () => {
    const recorded = await load('on-demand-0.1.0.json');
    const scheduled = 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED';
    const text = JSON.stringify(recorded).replaceAll('"issueToken"', '"somethingElse"');
    expect(text).toContain(scheduled);
    await expect(replay(JSON.parse(text) as RecordedHistory)).rejects.toThrow(
      DeterminismViolationError,
    );
  });
});
