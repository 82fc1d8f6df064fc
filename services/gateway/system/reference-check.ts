/**
 * Whether the secrets and profiles that a deployment names are there: without one of them no pod
 * starts.
 */
import {
  ANNOTATION,
  type Finding,
  type FunctionDeployment,
  PROFILE,
  quote,
  readProfileNames,
  toField,
  toText,
} from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import { failures, HttpError } from "../errors.ts";

export interface ReferenceCheckContext {
  client: KubernetesClient;
  /** Where profiles are. */
  platformNamespace: string;
}

/**
 * Throws a BadRequest that names what is missing, or a KubernetesError.
 *
 * @param namespace of the function
 */
export async function refuseMissing(
  context: ReferenceCheckContext,
  namespace: string,
  deployment: FunctionDeployment,
): Promise<void> {
  const missing = await Promise.all([
    findMissingSecrets(context, namespace, deployment),
    findMissingProfiles(context, deployment),
  ]);
  if (missing.flat().length > 0) {
    throw new HttpError(failures.badRequest(missing.flat().map(toText).join("; ")));
  }
}

async function findMissingSecrets(
  { client }: ReferenceCheckContext,
  namespace: string,
  { secrets = [] }: FunctionDeployment,
): Promise<Finding[]> {
  const expected = `a secret in namespace ${namespace}`;
  const kind = { plural: "secrets", namespace };
  return (await findMissing(client, kind, secrets)).map((name) => ({
    field: `secrets[${secrets.indexOf(name)}]`,
    expected,
    got: quote(name),
  }));
}

async function findMissingProfiles(
  { client, platformNamespace: namespace }: ReferenceCheckContext,
  { annotations }: FunctionDeployment,
): Promise<Finding[]> {
  const field = toField(["annotations", ANNOTATION.profile]);
  const expected = `a Profile in namespace ${namespace}`;
  const missing = await findMissing(
    client,
    { ...PROFILE, namespace },
    readProfileNames(annotations),
  );
  return missing.map((name) => ({ field, expected, got: quote(name) }));
}

/** Those of the names that no object of the kind has. */
async function findMissing(
  client: KubernetesClient,
  kind: { group?: string; plural: string; namespace: string },
  names: readonly string[],
): Promise<string[]> {
  const found = await Promise.all(
    names.map((name) =>
      client.find(resourcePath({ ...kind, name }), { as: "PartialObjectMetadata" }),
    ),
  );
  return names.filter((_, index) => found[index] === undefined);
}
