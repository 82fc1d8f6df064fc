/** How many queue-workers there shall be, as their Deployment says. */
import { FIELD_MANAGER, QUEUE_WORKER } from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";

export interface Scale {
  replicas: number;
  /** Of the Deployment when it said so: a write of another one is a conflict (409). */
  resourceVersion: string;
}

/** autoscaling/v1's Scale; without replicas it is 0. */
interface ScaleObject {
  metadata: { resourceVersion: string };
  spec?: { replicas?: number };
}

export class WorkerDeployment {
  readonly #client: KubernetesClient;
  readonly #path: string;

  /** @param namespace the platform's */
  constructor(client: KubernetesClient, namespace: string) {
    this.#client = client;
    const deployment = { group: "apps", plural: "deployments", namespace, name: QUEUE_WORKER };
    this.#path = resourcePath({ ...deployment, subresource: "scale" });
  }

  /** Throws a KubernetesError. */
  async read(): Promise<Scale> {
    return toScale(await this.#client.request<ScaleObject>(this.#path));
  }

  /** Writes the replicas; throws a KubernetesError, of 409 where they are not as they were read. */
  async write({ replicas, resourceVersion }: Scale): Promise<Scale> {
    const patch = { metadata: { resourceVersion }, spec: { replicas } };
    const { gateway } = FIELD_MANAGER;
    return toScale(await this.#client.mergePatch<ScaleObject>(this.#path, patch, gateway));
  }
}

function toScale({ metadata, spec }: ScaleObject): Scale {
  return { replicas: spec?.replicas ?? 0, resourceVersion: metadata.resourceVersion };
}
