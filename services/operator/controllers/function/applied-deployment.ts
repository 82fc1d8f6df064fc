/** What a Function's Deployment was made with, for an operator that did not make it itself. */
import type { V1Deployment, V1PodTemplateSpec } from "@kubernetes/client-node";
import { WATCHDOG_ENV } from "../../../../contract/environment/watchdog.ts";
import type { CallTimeouts, FunctionResource } from "../../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../../lib/kubernetes.ts";
import type { Plain } from "../../kubernetes/types.ts";
import { toPodTemplate } from "./pod-template.ts";

/**
 * Of the Function's secrets, those by which its Deployment pulls images. Undefined when there is no
 * Deployment, or one that refers to something else than the Function.
 */
export async function findAppliedLogins(
  client: KubernetesClient,
  resource: FunctionResource,
  timeouts: CallTimeouts,
): Promise<readonly string[] | undefined> {
  const { name, namespace } = resource.metadata;
  const path = resourcePath({ group: "apps", plural: "deployments", namespace, name });
  const template = (await client.find<Plain<V1Deployment>>(path))?.spec?.template;
  if (template === undefined) {
    return undefined;
  }
  const mounted = listReferences(template);
  const logins = new Set(template.spec?.imagePullSecrets?.map((login) => login.name));
  const own = (resource.spec.secrets ?? []).filter(
    (secret) => logins.has(secret) && !mounted.includes(`secret ${secret}`),
  );
  const wanted = listReferences(toPodTemplate(resource, timeouts, { own, common: [] }));
  return String(mounted) === String(wanted) ? own : undefined;
}

/** What pods mount, and the module that they load, as texts in order. */
function listReferences({ spec }: Plain<V1PodTemplateSpec>): string[] {
  const volumes = (spec?.volumes ?? []).flatMap(({ configMap, projected }) => [
    ...(configMap === undefined ? [] : [`code ${configMap.name}`]),
    ...(projected?.sources ?? []).map(({ secret }) => `secret ${secret?.name}`),
  ]);
  const modules = (spec?.containers ?? [])
    .flatMap(({ env = [] }) => env)
    .filter(({ name }) => name === WATCHDOG_ENV.module)
    .map(({ value }) => `module ${value}`);
  return [...volumes, ...modules].sort();
}
