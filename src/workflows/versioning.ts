import type { WorkflowDefinitionOptions } from '@temporalio/common';
import { workflowInfo } from '@temporalio/workflow';

/**
 * Runs move to the newest worker version where versions are in use. By a getter, because a static
 * behaviour fails every workflow task on workers without versioning.
 */
export function autoUpgrade(): WorkflowDefinitionOptions {
  return workflowInfo().currentDeploymentVersion?.deploymentName
    ? { versioningBehavior: 'AUTO_UPGRADE' }
    : {};
}
