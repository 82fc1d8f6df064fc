/** The controller of function namespaces: keeps each marked namespace set up for functions. */
import type { KubernetesClient } from "../../../lib/kubernetes.ts";
import type { Logger } from "../../../lib/logger.ts";
import {
  type Controller,
  enqueueOn,
  type ReconcileResult,
  type Trigger,
} from "../../kubernetes/controller.ts";
import type { FunctionNamespaces } from "../../kubernetes/function-namespaces.ts";
import type { Informers } from "../../kubernetes/informers.ts";
import type { Leadership } from "../../kubernetes/leader-election.ts";
import { NamespaceSetup } from "./setup.ts";

export interface NamespaceControllerOptions {
  client: KubernetesClient;
  logger: Logger;
  informers: Pick<Informers, "namespaces">;
  leadership: Pick<Leadership, "assertLeading">;
  platformNamespace: string;
  /** Whether the cluster enforces NetworkPolicies; without that none are made. */
  hasNetworkPolicies: boolean;
  /** Namespace of the Prometheus that watches functions; undefined: the platform's own does. */
  metricsNamespace?: string | undefined;
  /** Networks that functions may not reach, in CIDR notation. */
  deniedEgress: readonly string[];
}

/** How often a namespace is set up again: no informer watches the objects that it consists of. */
const RECHECK_MS = 600_000;

/** Its keys are names of marked namespaces, without the platform's own. */
export class NamespaceController implements Controller {
  readonly name = "namespace";
  readonly informers: readonly Trigger[];
  readonly #namespaces: FunctionNamespaces;
  readonly #setup: NamespaceSetup;

  constructor(options: NamespaceControllerOptions) {
    const { namespaces } = options.informers;
    this.#namespaces = namespaces;
    this.#setup = new NamespaceSetup(options);
    this.informers = [
      enqueueOn(namespaces, "change", (name: string) =>
        namespaces.get(name) === undefined ? [] : [name],
      ),
    ];
  }

  keys(): string[] {
    return this.#namespaces.names();
  }

  async reconcile(name: string): Promise<ReconcileResult> {
    const namespace = this.#namespaces.get(name);
    if (namespace === undefined) {
      return {};
    }
    await this.#setup.prepare(namespace);
    return { requeueAfterMs: RECHECK_MS };
  }
}
