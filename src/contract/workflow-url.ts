/** The run a link leads to. */
export interface RunAddress {
  namespace: string;
  workflowId: string;
  runId: string;
}

const CLOUD_UI = 'https://cloud.temporal.io';
/** Where `temporal server start-dev` serves its UI. */
const DEVELOPMENT_UI = 'http://localhost:8233';

/**
 * The run's page in the Temporal UI; null when nothing says where the UI is.
 *
 * @param address - `host:port` of Temporal
 * @param uiUrl - where the UI is, if it was said
 */
export function workflowUrl(
  address: string,
  run: RunAddress,
  uiUrl: string | null = null,
): string | null {
  const host = address.replace(/:\d+$/, '').toLowerCase();
  const ui = /(^|\.)tmprl\.cloud$|(^|\.)temporal\.io$/.test(host)
    ? CLOUD_UI
    : /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host)
      ? DEVELOPMENT_UI
      : null;
  const base = uiUrl?.replace(/\/+$/, '') ?? ui;
  if (base === null) return null;
  const [namespace, workflowId, runId] = [run.namespace, run.workflowId, run.runId].map(
    encodeURIComponent,
  );
  return `${base}/namespaces/${namespace}/workflows/${workflowId}/${runId}/history`;
}
