/** Whether the secrets that a deployment mounts are there: without one of them no pod starts. */
import { type Finding, quote, toText } from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import { failures, HttpError } from "../errors.ts";

/** Throws a BadRequest that names the secrets that are missing, or a KubernetesError. */
export async function refuseMissingSecrets(
  client: KubernetesClient,
  namespace: string,
  secrets: readonly string[],
): Promise<void> {
  const found = await Promise.all(
    secrets.map((name) =>
      client.find(resourcePath({ plural: "secrets", namespace, name }), {
        as: "PartialObjectMetadata",
      }),
    ),
  );
  const missing = secrets.flatMap((name, index): Finding[] =>
    found[index] === undefined
      ? [
          {
            field: `secrets[${index}]`,
            expected: `a secret in namespace ${namespace}`,
            got: quote(name),
          },
        ]
      : [],
  );
  if (missing.length > 0) {
    throw new HttpError(failures.badRequest(missing.map(toText).join("; ")));
  }
}
