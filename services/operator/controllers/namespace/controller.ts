/** The controller of function namespaces: keeps each marked namespace set up for functions. */
import {
  type Controller,
  enqueueOn,
  type ReconcileResult,
  type Trigger,
} from "../../kubernetes/controller.ts";
import type { FunctionNamespaces } from "../../kubernetes/function-namespaces.ts";
import type { Informers } from "../../kubernetes/informers.ts";
import { NamespaceSetup, type NamespaceSetupOptions } from "./setup.ts";

export interface NamespaceControllerOptions extends NamespaceSetupOptions {
  informers: Pick<Informers, "namespaces">;
}

/** How often a namespace is looked at: no informer watches the objects that it is set up with. */
const RECHECK_MS = 60_000;

/** Its keys are names of marked namespaces, without the platform's own. */
export class NamespaceController implements Controller {
  readonly name = "namespace";
  readonly informers: readonly Trigger[];
  readonly #namespaces: FunctionNamespaces;
  readonly #setup: NamespaceSetup;

  constructor(options: NamespaceControllerOptions) {
    const { namespaces } = options.informers;
    this.#namespaces = namespaces;
    const setup = new NamespaceSetup(options);
    this.#setup = setup;
    namespaces.on("change", (name) => {
      if (namespaces.get(name) === undefined) {
        setup.forget(name);
      }
    });
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
    // A fifth later at most, so that not all are looked at in step.
    return { requeueAfterMs: RECHECK_MS * (1 + Math.random() / 5) };
  }
}
