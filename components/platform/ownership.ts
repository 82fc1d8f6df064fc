/** Tells a cluster of Plonk's from one on which another OpenFaaS owns the Function definition. */
import { ApiException, ApiextensionsV1Api, KubeConfig } from "@kubernetes/client-node";
import { CRD } from "../../services/contract/index.ts";
import { toReason } from "../cluster/inspect.ts";
import { ArgumentError } from "../errors.ts";
import { CRD_NAME } from "./crd.ts";

/** A cluster that does not answer within this time is not waited for. */
const ANSWER_SECONDS = 5;

/**
 * Reads the Function definition of the kubeconfig's current context and refuses one that is not
 * Plonk's. Only "not found" means that nobody owns it. A preview of a cluster that does not answer
 * passes, as it changes nothing and the cluster may be about to start.
 *
 * @throws ArgumentError naming the owner, or why it could not be learnt
 */
export async function refuseForeignDefinition(
  kubeconfig: string,
  isPreview: boolean,
): Promise<void> {
  const labels = await readDefinitionLabels(kubeconfig, isPreview);
  if (labels === undefined || labels[CRD.ownerLabel] === CRD.ownerValue) return;
  const owner =
    labels["app.kubernetes.io/managed-by"] ?? labels[CRD.ownerLabel] ?? "another OpenFaaS";
  throw new ArgumentError(
    `cluster: expected no other OpenFaaS, got the definition ${CRD_NAME} of ${owner}; ` +
      "set adopt to take it over",
  );
}

/** Undefined when there is no definition, or no answer in a preview. */
async function readDefinitionLabels(
  kubeconfig: string,
  isPreview: boolean,
): Promise<Record<string, string> | undefined> {
  try {
    const config = new KubeConfig();
    config.loadFromString(kubeconfig);
    const client = config.makeApiClient(ApiextensionsV1Api);
    const read = client.readCustomResourceDefinition({ name: CRD_NAME });
    const definition = await Promise.race([read, giveUp()]);
    return definition.metadata?.labels ?? {};
  } catch (error) {
    const isAnswer = error instanceof ApiException;
    if (isAnswer ? error.code === 404 : isPreview) return undefined;
    throw new ArgumentError(
      `cluster: must say who owns the definition ${CRD_NAME}, got ${toReason(error)}`,
    );
  }
}

function giveUp(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => {
      reject(new Error(`no answer in ${ANSWER_SECONDS} s`));
    }, ANSWER_SECONDS * 1000).unref();
  });
}
