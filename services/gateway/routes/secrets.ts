/** `/system/secrets`: Kubernetes Secrets that functions may mount; values are never read out. */
import { Type } from "typebox";
import { LABEL } from "../../contract/index.ts";
import { isKubernetesStatus, resourcePath } from "../../lib/kubernetes.ts";
import { foreignOwner, type OwnedObject } from "../deployments.ts";
import { BadRequest, Conflict, SecretNotFound } from "../errors.ts";
import { toNamespace } from "../namespaces.ts";
import { toDisplayName, type FunctionReference } from "../names.ts";
import { Accepted, operation } from "./operation.ts";
import type { SystemApp, SystemContext } from "./system.ts";

const MANAGED_BY = "plonk";

/** Whose secrets functions may mount; Pulumi's are shown here and changed by their program. */
const OWNERS = [MANAGED_BY, "pulumi"];
const NAME = /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/;

const Query = Type.Object({ namespace: Type.Optional(Type.String()) });

const SecretName = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 253 }),
    namespace: Type.Optional(Type.String()),
  },
  { title: "SecretName" },
);

const SecretValue = Type.Object(
  {
    ...SecretName.properties,
    value: Type.Optional(Type.String()),
    /** Base64. */
    rawValue: Type.Optional(Type.String()),
  },
  { title: "Secret" },
);

const SecretReference = Type.Object(
  { name: Type.String(), namespace: Type.String() },
  { title: "SecretReference" },
);

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
    const { items } = await client.request<{ items: StoredSecret[] }>(secretPath({ namespace }), {
      query: { labelSelector: `${LABEL.secretManagedBy} in (${OWNERS.join(",")})` },
    });
    return items.map(({ metadata }) => ({ name: metadata.name, namespace }));
  });
  const schema = { body: SecretValue, querystring: Query, response: { 202: Accepted } };
  const create = { ...operation("CreateSecret", "secrets", "Create a secret"), ...schema };
  app.post("/system/secrets", { schema: create }, async (request, reply) => {
    const reference = toReference(context, request.body, request.query.namespace);
    const body = toSecret(reference, readValue(request.body));
    await client.request(secretPath({ namespace: reference.namespace }), { method: "POST", body });
    return reply.code(202).send();
  });
  const update = { ...operation("UpdateSecret", "secrets", "Change a secret's value"), ...schema };
  app.put("/system/secrets", { schema: update }, async (request, reply) => {
    const reference = toReference(context, request.body, request.query.namespace);
    const value = readValue(request.body);
    const { resourceVersion } = (await findChangeable(context, reference)).metadata;
    const body = toSecret(reference, value, resourceVersion);
    await client.request(secretPath(reference), { method: "PUT", body });
    return reply.code(202).send();
  });
  app.delete(
    "/system/secrets",
    {
      schema: {
        ...operation("DeleteSecret", "secrets", "Remove a secret"),
        body: SecretName,
        querystring: Query,
        response: { 202: Accepted },
      },
    },
    async (request, reply) => {
      const reference = toReference(context, request.body, request.query.namespace);
      const { uid } = (await findChangeable(context, reference)).metadata;
      const body = { preconditions: { uid } };
      await client.request(secretPath(reference), { method: "DELETE", body });
      return reply.code(202).send();
    },
  );
}

function secretPath({ name, namespace }: { name?: string; namespace: string }): string {
  return resourcePath({ plural: "secrets", namespace, ...(name !== undefined && { name }) });
}

function toReference(
  context: SystemContext,
  { name, namespace }: { name: string; namespace?: string },
  queried: string | undefined,
): FunctionReference {
  if (!NAME.test(name)) {
    const expectation = "expected lower-case letters, digits, dashes and dots (RFC 1123)";
    throw new BadRequest(`name: ${expectation}, got ${JSON.stringify(name)}`);
  }
  return { name, namespace: toNamespace(context, namespace ?? queried) };
}

function readValue({ value, rawValue }: { value?: string; rawValue?: string }): string {
  if (rawValue !== undefined && rawValue !== "") {
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(rawValue) || rawValue.length % 4 !== 0) {
      throw new BadRequest("rawValue: expected base64");
    }
    return rawValue;
  }
  if (value === undefined) {
    throw new BadRequest("value: expected value or rawValue, got neither");
  }
  return Buffer.from(value).toString("base64");
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
  const secret = await client
    .request<StoredSecret>(secretPath(reference))
    .catch((error: unknown) => {
      if (isKubernetesStatus(error, 404)) {
        return undefined;
      }
      throw error;
    });
  const label = secret?.metadata.labels?.[LABEL.secretManagedBy] ?? "";
  if (secret === undefined || !OWNERS.includes(label)) {
    throw new SecretNotFound(toDisplayName(reference));
  }
  const owner = foreignOwner(secret);
  if (owner !== undefined) {
    throw new Conflict(
      `secret ${toDisplayName(reference)} is managed by ${owner}: change it there`,
    );
  }
  return secret;
}
