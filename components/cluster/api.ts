/** The Kubernetes API of a kubeconfig's cluster, for checks before an update. */
import type {
  ApiextensionsV1Api,
  AppsV1Api,
  CoreV1Api,
  RbacAuthorizationV1Api,
  StorageV1Api,
  VersionApi,
} from "@kubernetes/client-node";
import { ArgumentError } from "../errors.ts";

/** How often the time for an answer is looked at, milliseconds. */
const LOOK_MS = 250;

/** The groups of the API that the components read. */
export interface ClusterApi {
  /** URL of the API server. */
  server: string;
  version: VersionApi;
  apps: AppsV1Api;
  core: CoreV1Api;
  rbac: RbacAuthorizationV1Api;
  storage: StorageV1Api;
  extensions: ApiextensionsV1Api;
  /** Whether the user may do something in all namespaces (SelfSubjectAccessReview). */
  isAllowed: (verb: string, resource: string, group: string) => Promise<boolean>;
}

/**
 * Reads a kubeconfig. The client library has 870 files, which take a third of a second to load: it
 * is imported while Pulumi starts its provider.
 *
 * @param context the current one when undefined
 */
export async function openApi(kubeconfig: string, context?: string): Promise<ClusterApi> {
  const client = await import("@kubernetes/client-node");
  const config = new client.KubeConfig();
  config.loadFromString(kubeconfig);
  if (context !== undefined) {
    config.setCurrentContext(context);
  }
  const authorization = config.makeApiClient(client.AuthorizationV1Api);
  return {
    server: config.getCurrentCluster()?.server ?? "",
    version: config.makeApiClient(client.VersionApi),
    apps: config.makeApiClient(client.AppsV1Api),
    core: config.makeApiClient(client.CoreV1Api),
    rbac: config.makeApiClient(client.RbacAuthorizationV1Api),
    storage: config.makeApiClient(client.StorageV1Api),
    extensions: config.makeApiClient(client.ApiextensionsV1Api),
    isAllowed: async (verb, resource, group) => {
      const resourceAttributes = Object.assign(new client.V1ResourceAttributes(), {
        verb,
        resource,
        group,
      });
      const spec = Object.assign(new client.V1SelfSubjectAccessReviewSpec(), {
        resourceAttributes,
      });
      const body = Object.assign(new client.V1SelfSubjectAccessReview(), { spec });
      const { status } = await authorization.createSelfSubjectAccessReview({ body });
      return status?.allowed === true;
    },
  };
}

/** Reads an object before an update. Without an answer a preview passes, an update fails. */
export async function readIfThere<T>(
  what: string,
  isPreview: boolean,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await withinSeconds(isPreview ? 5 : 60, read());
  } catch (error) {
    const status = statusOf(error);
    // The cluster may be stopped during a preview, which changes nothing.
    if (status === undefined ? isPreview : status === 404) {
      return undefined;
    }
    throw new ArgumentError(`cluster: expected to learn ${what}, got ${toReason(error)}`);
  }
}

/** Undefined for optional information that the user may not read. */
export async function ifAllowed<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (statusOf(error) === 403) {
      return undefined;
    }
    throw error;
  }
}

/**
 * Counts the time in which this process could have seen an answer: a program that loads and bundles
 * code for seconds has not looked for it meanwhile, however long it has been there.
 * @throws Error when there is no answer in time
 */
export async function withinSeconds<T>(seconds: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    let left = (seconds * 1000) / LOOK_MS;
    timer = setInterval(() => {
      left -= 1;
      if (left <= 0) {
        reject(new Error(`no answer in ${seconds} s`));
      }
    }, LOOK_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearInterval(timer);
  }
}

/** Describes an error of the API or the network, without the body, which may contain anything. */
export function toReason(error: unknown): string {
  const status = statusOf(error);
  if (status !== undefined) {
    return `HTTP ${status}`;
  }
  const { code, message, cause } = error as NodeJS.ErrnoException;
  if (cause !== undefined) {
    return toReason(cause);
  }
  return code ?? message.split("\n", 1)[0] ?? "an error";
}

/** HTTP status of an error; undefined without a response, when `code` is one of Node's texts. */
function statusOf(error: unknown): number | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "number" ? code : undefined;
}
