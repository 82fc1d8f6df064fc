/** What a bare API server lacks to hold Functions. */
import { CRD_NAME, toDefinitionSpec } from "../../components/operator/crd.ts";
import { NAMESPACE } from "../../contract/index.ts";
import type { ApiServer } from "./apiserver.ts";

/** Creates the CRD and the namespace of functions; resolves when Functions can be written. */
export async function prepareFunctions(server: ApiServer): Promise<void> {
  await server.apply(
    JSON.stringify({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: CRD_NAME },
      spec: toDefinitionSpec(),
    }),
  );
  await server.kubectl("create", "namespace", NAMESPACE.functions);
  // Only to end a hang: on a busy machine it takes its time.
  const patience = "--timeout=100s";
  await server.kubectl("wait", patience, "--for=condition=Established", `crd/${CRD_NAME}`);
}
