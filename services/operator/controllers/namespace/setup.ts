/**
 * Prepares a marked namespace for functions: rights of gateway and operator, isolation, Pod
 * Security. It adds what is missing and removes nothing.
 */
import {
  FIELD_MANAGER,
  FUNCTION_ROLE,
  POD_SECURITY,
  PREPARED,
  toFunctionPolicies,
} from "../../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../../lib/kubernetes.ts";
import type { Logger } from "../../../lib/logger.ts";
import type { Leadership } from "../../kubernetes/leader-election.ts";
import type { Namespace } from "../../kubernetes/types.ts";

export interface NamespaceSetupOptions {
  client: KubernetesClient;
  logger: Logger;
  platformNamespace: string;
  /** Whether the cluster enforces NetworkPolicies; without that none are made. */
  hasNetworkPolicies: boolean;
  /** Namespace of the Prometheus that watches functions; undefined: the platform's own does. */
  metricsNamespace?: string | undefined;
  /** Networks that functions may not reach, in CIDR notation. */
  deniedEgress: readonly string[];
  leadership: Pick<Leadership, "assertLeading">;
}

const RBAC = "rbac.authorization.k8s.io";

export class NamespaceSetup {
  readonly #options: NamespaceSetupOptions;

  constructor(options: NamespaceSetupOptions) {
    this.#options = options;
  }

  /** Sets the namespace up, then annotates it. Throws a KubernetesError. */
  async prepare(namespace: Namespace): Promise<void> {
    const { hasNetworkPolicies, deniedEgress, logger } = this.#options;
    const { name, annotations } = namespace.metadata;
    for (const account of ["gateway", "operator"] as const) {
      await this.#apply(name, { group: RBAC, plural: "rolebindings" }, this.#toBinding(account));
    }
    // The right to make these comes with the binding, and takes a moment to be in force.
    const policies = hasNetworkPolicies
      ? toFunctionPolicies({ ...this.#options, denied: deniedEgress })
      : [];
    for (const policy of policies) {
      const resource = { group: "networking.k8s.io", plural: "networkpolicies" };
      await this.#apply(name, resource, {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: { name: policy.name },
        spec: policy.spec,
      });
    }
    await this.#mark(namespace);
    if (annotations?.[PREPARED] === undefined) {
      logger.info({ namespace: name }, "namespace set up for functions");
    }
  }

  #toBinding(account: keyof typeof FUNCTION_ROLE): NamedObject {
    const name = FUNCTION_ROLE[account];
    const namespace = this.#options.platformNamespace;
    return {
      apiVersion: `${RBAC}/v1`,
      kind: "RoleBinding",
      metadata: { name },
      roleRef: { apiGroup: RBAC, kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name: account, namespace }],
    };
  }

  async #apply(
    namespace: string,
    resource: { group: string; plural: string },
    object: NamedObject,
  ): Promise<void> {
    const { client, leadership } = this.#options;
    leadership.assertLeading();
    const labels = { "app.kubernetes.io/managed-by": "plonk" };
    const metadata = { ...object.metadata, namespace, labels };
    const path = resourcePath({ ...resource, namespace, name: object.metadata.name });
    await client.apply(
      path,
      { ...object, metadata },
      { fieldManager: FIELD_MANAGER.operator, force: true },
    );
  }

  /** A Pod Security standard that is already there stays: the namespace may have other pods. */
  async #mark({ metadata: { name, uid, labels = {} } }: Namespace): Promise<void> {
    const { client, leadership } = this.#options;
    const missing = Object.entries(POD_SECURITY).filter(
      ([label, standard]) => (labels[label] ?? standard) === standard,
    );
    leadership.assertLeading();
    await client.apply(
      resourcePath({ plural: "namespaces", name }),
      {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: {
          name,
          // Without it a namespace that was deleted meanwhile would be created again.
          ...(uid !== undefined && { uid }),
          labels: Object.fromEntries(missing),
          annotations: { [PREPARED]: "1" },
        },
      },
      { fieldManager: FIELD_MANAGER.operator },
    );
  }
}

interface NamedObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  [field: string]: unknown;
}
