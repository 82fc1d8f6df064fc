/**
 * `/system/secrets`: Kubernetes Secrets that functions may mount. Values go from clients to the API
 * server; of what is stored there only metadata comes back.
 */
import { type Static, Type } from "typebox";
import {
  type FunctionReference,
  LABEL,
  SecretDeletion,
  SecretDeployment,
  SecretReference,
  toDisplayName,
} from "../../../contract/index.ts";
import { resourcePath } from "../../lib/kubernetes.ts";
import { toNamespace } from "../cluster/namespaces.ts";
import { failures, HttpError } from "../errors.ts";
import { type OwnedObject, refuseForeign } from "./deployments.ts";
import { Accepted, operation } from "./operation.ts";
import { readReference } from "./reference.ts";
import type { SystemApp, SystemContext } from "./types.ts";

const MANAGED_BY = "plonk";

/** Whose secrets functions may mount; Pulumi's are shown here and changed by their program. */
const OWNERS = [MANAGED_BY, "pulumi"];

/** Kubernetes' limit for what a Secret holds, bytes. */
const MAX_BYTES = 1024 * 1024;

const METADATA = "PartialObjectMetadata";

const Query = Type.Object({
  namespace: Type.Optional(Type.String({ description: "the secret's namespace" })),
});

interface StoredSecret extends OwnedObject {
  metadata: OwnedObject["metadata"] & { name: string; resourceVersion?: string; uid?: string };
}

/** Adds the routes that list and write secrets. */
export function registerSecretRoutes(app: SystemApp, context: SystemContext): void {
  const { client } = context;
  const list = {
    ...operation("ListSecrets", "secrets", "List the names of the secrets in a namespace"),
    querystring: Query,
    response: { 200: Type.Array(SecretReference) },
  };
  app.get("/system/secrets", { schema: list }, async (request) => {
    const namespace = toNamespace(context, request.query.namespace);
    const found = await client.listMetadata<StoredSecret>(
      secretPath({ namespace }),
      `${LABEL.secretManagedBy} in (${OWNERS.join(",")})`,
    );
    return found.map(({ metadata: { name } }) => ({ name, namespace }));
  });
  const schema = { body: SecretDeployment, querystring: Query, response: { 202: Accepted } };
  const create = { ...operation("CreateSecret", "secrets", "Create a secret"), ...schema };
  app.post("/system/secrets", { schema: create }, async (request, reply) => {
    const reference = toReference(context, request.body, request.query.namespace);
    const body = toSecret(reference, readValue(request.body));
    await client.request(secretPath({ namespace: reference.namespace }), {
      method: "POST",
      ...{ body, as: METADATA },
    });
    return reply.code(202).send();
  });
  const update = { ...operation("UpdateSecret", "secrets", "Change a secret's value"), ...schema };
  app.put("/system/secrets", { schema: update }, async (request, reply) => {
    const reference = toReference(context, request.body, request.query.namespace);
    const value = readValue(request.body);
    const { resourceVersion } = (await findChangeable(context, reference)).metadata;
    const body = toSecret(reference, value, resourceVersion);
    await client.request(secretPath(reference), { method: "PUT", body, as: METADATA });
    return reply.code(202).send();
  });
  app.delete(
    "/system/secrets",
    {
      schema: {
        ...operation("DeleteSecret", "secrets", "Remove a secret"),
        body: SecretDeletion,
        querystring: Query,
        response: { 202: Accepted },
      },
    },
    async (request, reply) => {
      const reference = toReference(context, request.body, request.query.namespace);
      const { uid } = (await findChangeable(context, reference)).metadata;
      const body = { preconditions: { uid } };
      await client.request(secretPath(reference), { method: "DELETE", body, as: METADATA });
      return reply.code(202).send();
    },
  );
}

function secretPath({ name, namespace }: { name?: string; namespace: string }): string {
  return resourcePath({ plural: "secrets", namespace, ...(name !== undefined && { name }) });
}

function toReference(
  context: SystemContext,
  { name, namespace: body }: Static<typeof SecretReference>,
  query: string | undefined,
): FunctionReference {
  return readReference(context, name, { body, query });
}

/** The value in base64; an error says nothing of it but its length. */
function readValue({ value = "", rawValue = "" }: Static<typeof SecretDeployment>): string {
  if (rawValue !== "" && value !== "") {
    throw new HttpError(failures.badRequest("value: expected value or rawValue, got both"));
  }
  const data = rawValue === "" ? Buffer.from(value).toString("base64") : rawValue;
  const bytes = Buffer.byteLength(data, "base64");
  if (bytes > MAX_BYTES) {
    const field = rawValue === "" ? "value" : "rawValue";
    throw new HttpError(
      failures.badRequest(`${field}: expected at most ${MAX_BYTES} bytes, got ${bytes}`),
    );
  }
  return data;
}

function toSecret({ name, namespace }: FunctionReference, data: string, version?: string): unknown {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name,
      namespace,
      labels: { [LABEL.secretManagedBy]: MANAGED_BY },
      ...(version !== undefined && { resourceVersion: version }),
    },
    type: "Opaque",
    data: { [name]: data },
  };
}

/** The secret, if it is one of the platform's and nobody else manages it. */
async function findChangeable(
  { client }: SystemContext,
  reference: FunctionReference,
): Promise<StoredSecret> {
  const secret = await client.find<StoredSecret>(secretPath(reference), { as: METADATA });
  const label = secret?.metadata.labels?.[LABEL.secretManagedBy] ?? "";
  if (secret === undefined || !OWNERS.includes(label)) {
    throw new HttpError(failures.secretNotFound(toDisplayName(reference)));
  }
  refuseForeign(secret, `secret ${toDisplayName(reference)}`);
  return secret;
}
