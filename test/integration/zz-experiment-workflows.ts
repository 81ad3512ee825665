import * as wf from '@temporalio/workflow';
const MARK = ['EXPERIMENT', 'SECRET'].join('-');
export async function act(name: string): Promise<unknown> {
  const a = wf.proxyActivities<Record<string, () => Promise<unknown>>>({ startToCloseTimeout: '20s', heartbeatTimeout: '2s', retry: { maximumAttempts: 1 } });
  return a[name]?.();
}
export async function holds(): Promise<void> {
  wf.setHandler(wf.defineSignal('s'), () => undefined);
  wf.setHandler(wf.defineQuery<string>('q'), () => 'fine');
  wf.setHandler(wf.defineUpdate<string>('u'), () => 'fine');
  wf.setHandler(wf.defineQuery<string>('qr'), () => MARK);
  wf.setHandler(wf.defineUpdate<string>('ur'), () => MARK);
  await wf.sleep('60s');
}
export async function returns(): Promise<string> { return MARK; }
export async function memo(): Promise<void> { wf.upsertMemo({ a: MARK }); }
export async function actInput(): Promise<void> {
  const a = wf.proxyActivities<Record<string, (x: string) => Promise<unknown>>>({ startToCloseTimeout: '20s' });
  await a['result']?.(MARK);
}
export async function failsDetails(): Promise<void> { throw wf.ApplicationFailure.create({ message: 'm', details: [MARK] }); }
export async function failsMessage(): Promise<void> { throw wf.ApplicationFailure.create({ message: MARK }); }
