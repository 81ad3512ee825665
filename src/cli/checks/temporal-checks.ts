import { issueTaskQueue } from '../../contract/names.js';
import { REQUEST_MS, type CliContext } from '../context.js';
import { unservedQueues } from '../pollers.js';
import { bad, good, runCheck, unchecked, type Check, type Finding } from './check.js';

const KEYWORD = 2;
const SEARCH_ATTRIBUTES = ['OAuthTokenState', 'OAuthFailureType'];

/** Temporal: reachable, the namespace, a worker on every task queue, search attributes if wanted. */
export function temporalChecks(context: CliContext): Promise<Check>[] {
  const { namespace } = context.config;
  const reach = 'Check TEMPORAL_ADDRESS, its TLS and API key, and that the server runs.';
  const reached = context.temporal().then(
    () => true,
    () => false,
  );
  const once = (find: (context: CliContext) => Promise<Finding>) => async (): Promise<Finding> =>
    (await reached) ? find(context) : unchecked('Temporal does not answer', 'temporal');
  const create = `Create namespace ${namespace}, or set TEMPORAL_NAMESPACE.`;
  const checks = [
    runCheck('temporal', reach, () => findTemporal(context)),
    runCheck('namespace', create, once(findNamespace)),
    runCheck('worker', create, once(findWorker)),
  ];
  if (context.config.searchAttributes) {
    checks.push(runCheck('search_attributes', create, once(findSearchAttributes)));
  }
  return checks;
}

async function findTemporal(context: CliContext): Promise<Finding> {
  await context.temporal();
  return good(`Temporal answers at ${context.temporalAddress}.`);
}

async function findNamespace(context: CliContext): Promise<Finding> {
  const { connection } = await context.temporal();
  const { namespace } = context.config;
  await connection.withDeadline(Date.now() + REQUEST_MS, () =>
    connection.workflowService.describeNamespace({ namespace }),
  );
  return good(`Namespace ${namespace} is there.`);
}

async function findWorker(context: CliContext): Promise<Finding> {
  const { taskQueue, namespace } = context.config;
  const unserved = await unservedQueues(context);
  if (unserved.length === 0) {
    return good(`A worker polls ${taskQueue} and ${issueTaskQueue(taskQueue)}.`);
  }
  return bad(
    `No worker polls ${unserved.join(' and ')} in namespace ${namespace}.`,
    'Start one: oauth-tokens worker.',
  );
}

async function findSearchAttributes(context: CliContext): Promise<Finding> {
  const { connection } = await context.temporal();
  const { namespace } = context.config;
  const { customAttributes } = await connection.withDeadline(Date.now() + REQUEST_MS, () =>
    connection.operatorService.listSearchAttributes({ namespace }),
  );
  const missing = SEARCH_ATTRIBUTES.filter((name) => Number(customAttributes?.[name]) !== KEYWORD);
  if (missing.length === 0) return good(`${SEARCH_ATTRIBUTES.join(' and ')} are registered.`);
  const flags = missing.map((name) => `--name ${name} --type Keyword`).join(' ');
  return bad(
    `${missing.join(' and ')} are not registered as Keyword; a lifecycle that upserts them fails.`,
    `temporal operator search-attribute create --namespace ${namespace} ${flags}`,
  );
}
