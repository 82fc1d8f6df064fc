/** `/system`: functions, secrets, the queue. */
import { ApiError, getJson, send } from "./http.ts";
import type {
  FunctionDeployment,
  FunctionDescription,
  FunctionReference,
  FunctionStats,
  QueueStatus,
  SecretReference,
} from "./types.ts";

const inNamespace = (path: string, namespace: string): string =>
  `${path}?namespace=${encodeURIComponent(namespace)}`;

export async function listNamespaces(signal?: AbortSignal): Promise<string[]> {
  return await getJson("/system/namespaces", signal);
}

export async function listFunctions(
  namespace: string,
  signal?: AbortSignal,
): Promise<FunctionDescription[]> {
  return await getJson(inNamespace("/system/functions", namespace), signal);
}

/** Empty where the gateway cannot tell, as numbers are no reason to show no functions. */
export async function listStats(namespace: string, signal?: AbortSignal): Promise<FunctionStats[]> {
  return await getJson<FunctionStats[]>(
    inNamespace("/system/function-stats", namespace),
    signal,
  ).catch((error: unknown) => {
    if (signal?.aborted === true) {
      throw error;
    }
    return [];
  });
}

/** A function, with the text of its code where it has code. */
export async function readFunction({
  name,
  namespace,
}: FunctionReference): Promise<FunctionDescription> {
  const path = `/system/function/${encodeURIComponent(name)}`;
  return await getJson(`${inNamespace(path, namespace)}&code=1`);
}

/** @throws ApiError with status 409 when a new function has the name of one that exists. */
export async function deploy(deployment: FunctionDeployment, isUpdate: boolean): Promise<void> {
  await send(isUpdate ? "PUT" : "POST", "/system/functions", deployment);
}

export async function scale(
  { name, namespace }: FunctionReference,
  replicas: number,
): Promise<void> {
  const body = { serviceName: name, namespace, replicas };
  await send("POST", `/system/scale-function/${encodeURIComponent(name)}`, body);
}

export async function removeFunction({ name, namespace }: FunctionReference): Promise<void> {
  await send("DELETE", "/system/functions", { functionName: name, namespace });
}

export async function listSecrets(
  namespace: string,
  signal?: AbortSignal,
): Promise<SecretReference[]> {
  return await getJson(inNamespace("/system/secrets", namespace), signal);
}

export async function writeSecret(
  secret: SecretReference & ({ value: string } | { rawValue: string }),
  isUpdate: boolean,
): Promise<void> {
  await send(isUpdate ? "PUT" : "POST", "/system/secrets", secret);
}

export async function removeSecret({ name, namespace }: SecretReference): Promise<void> {
  await send("DELETE", "/system/secrets", { name, namespace });
}

/** Without a queue nobody asks again until the page is loaded anew. */
let hasQueue = true;

/** Undefined where there is no queue. */
export async function readQueue(signal?: AbortSignal): Promise<QueueStatus | undefined> {
  if (!hasQueue) {
    return undefined;
  }
  return await getJson<QueueStatus>("/system/queue", signal).catch((error: unknown) => {
    if (!(error instanceof ApiError) || error.status !== 404) {
      throw error;
    }
    hasQueue = false;
    return undefined;
  });
}
