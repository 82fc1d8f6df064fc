/** The Kubernetes API of a kubeconfig's cluster, for what is looked at in front of an update. */
import type {
  ApiextensionsV1Api,
  CoreV1Api,
  StorageV1Api,
  VersionApi,
} from "@kubernetes/client-node";
import { ArgumentError } from "../errors.ts";

/** The groups of the API that the components read. */
export interface ClusterApi {
  /** URL of the API server. */
  server: string;
  version: VersionApi;
  core: CoreV1Api;
  storage: StorageV1Api;
  extensions: ApiextensionsV1Api;
  /** Whether the user may do something in all namespaces. */
  isAllowed: (verb: string, resource: string, group: string) => Promise<boolean>;
}

/**
 * Reads a kubeconfig. The client has 870 files, which take Node a third of a second: it is loaded
 * while Pulumi starts its provider, not in front of all else.
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
    core: config.makeApiClient(client.CoreV1Api),
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

/** Asks for one thing before an update: where nobody answers, a preview passes, an update waits. */
export async function readIfThere<T>(
  what: string,
  isPreview: boolean,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await withinSeconds(isPreview ? 5 : 60, read());
  } catch (error) {
    const status = statusOf(error);
    // A preview changes nothing, and the cluster may be about to start.
    if (status === undefined ? isPreview : status === 404) {
      return undefined;
    }
    throw new ArgumentError(`cluster: must say ${what}, got ${toReason(error)}`);
  }
}

/** Undefined for what the user may not list: it is nice to know, and not needed. */
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

/** @throws Error when there is no answer in time */
export async function withinSeconds<T>(seconds: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer in ${seconds} s`));
    }, seconds * 1000);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** An error of the API or of the network in a few words; a body could hold anything. */
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

/** Status of an answer that is an error; the codes of Node, where there was none, are words. */
function statusOf(error: unknown): number | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "number" ? code : undefined;
}
