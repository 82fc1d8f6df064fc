/** Tells a cluster of Plonk's from one on which another OpenFaaS owns the Function definition. */
import { ApiException, ApiextensionsV1Api, KubeConfig } from "@kubernetes/client-node";
import { CRD } from "../../services/contract/index.ts";
import { ArgumentError } from "../errors.ts";
import { CRD_NAME } from "./crd.ts";

/** A cluster that does not answer within this time is left to the provider to report. */
const ANSWER_SECONDS = 5;

/**
 * Reads the Function definition and refuses one that is not Plonk's. A cluster that cannot be
 * asked passes: the provider says what is wrong with it in its own words.
 *
 * @throws ArgumentError naming the owner
 */
export async function refuseForeignDefinition(kubeconfig: string): Promise<void> {
  const labels = await readDefinitionLabels(kubeconfig);
  if (labels === undefined || labels[CRD.ownerLabel] === CRD.ownerValue) return;
  const owner =
    labels["app.kubernetes.io/managed-by"] ?? labels[CRD.ownerLabel] ?? "another OpenFaaS";
  throw new ArgumentError(
    `cluster: expected no other OpenFaaS, got the definition ${CRD_NAME} of ${owner}; ` +
      "set adopt to take it over",
  );
}

/** Undefined when there is no definition, or no answer. */
async function readDefinitionLabels(
  kubeconfig: string,
): Promise<Record<string, string> | undefined> {
  try {
    const config = new KubeConfig();
    config.loadFromString(kubeconfig);
    const client = config.makeApiClient(ApiextensionsV1Api);
    const read = client.readCustomResourceDefinition({ name: CRD_NAME });
    const definition = await Promise.race([read, giveUp()]);
    return definition?.metadata?.labels ?? (definition && {});
  } catch (error) {
    if (error instanceof ApiException || error instanceof Error) return undefined;
    throw error;
  }
}

function giveUp(): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(() => {
      resolve(undefined);
    }, ANSWER_SECONDS * 1000).unref();
  });
}
