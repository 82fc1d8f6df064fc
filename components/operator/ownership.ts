/** Tells a cluster of Plonk's from one on which another OpenFaaS owns the Function definition. */
import { CRD } from "../../contract/index.ts";
import { openApi, readIfThere } from "../cluster/api.ts";
import { ArgumentError } from "../errors.ts";
import { CRD_NAME } from "./crd.ts";
import { PROFILE_CRD_NAME } from "./profiles.ts";

/** Refuses the definitions of Functions and of Profiles, in this order. */
export async function refuseForeignDefinitions(
  kubeconfig: string,
  isPreview: boolean,
): Promise<void> {
  await refuseForeignDefinition(kubeconfig, isPreview);
  await refuseForeignDefinition(kubeconfig, isPreview, PROFILE_CRD_NAME);
}

/**
 * Reads a definition, that of Functions unless told, of the kubeconfig's current context and
 * refuses one that is not Plonk's. Only "not found" means that nobody owns it. A preview of a
 * cluster that does not answer passes: it changes nothing, and the cluster may be about to start.
 *
 * @throws ArgumentError naming the owner, or why it could not be learnt
 */
export async function refuseForeignDefinition(
  kubeconfig: string,
  isPreview: boolean,
  name = CRD_NAME,
): Promise<void> {
  const labels = await readDefinitionLabels(kubeconfig, isPreview, name);
  if (labels === undefined || labels[CRD.ownerLabel] === CRD.ownerValue) {
    return;
  }
  const owner =
    labels["app.kubernetes.io/managed-by"] ?? labels[CRD.ownerLabel] ?? "another OpenFaaS";
  throw new ArgumentError(
    `cluster: expected no other OpenFaaS, got the definition ${name} of ${owner}; ` +
      "set adopt to take it over",
  );
}

/** Undefined when there is no definition, or no answer in a preview. */
async function readDefinitionLabels(
  kubeconfig: string,
  isPreview: boolean,
  name: string,
): Promise<Record<string, string> | undefined> {
  const definition = await readIfThere(`who owns the definition ${name}`, isPreview, async () => {
    const { extensions } = await openApi(kubeconfig);
    return await extensions.readCustomResourceDefinition({ name });
  });
  return definition && (definition.metadata?.labels ?? {});
}
