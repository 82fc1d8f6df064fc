/** Writes a Function's status when it has changed, with an Event when its Ready condition has. */
import {
  FIELD_MANAGER,
  type FunctionResource,
  type FunctionStatus,
  toDisplayName,
} from "../../../../contract/index.ts";
import { functionPath } from "../../../lib/function-path.ts";
import { isKubernetesStatus, type KubernetesClient } from "../../../lib/kubernetes.ts";
import type { Logger } from "../../../lib/logger.ts";
import { isTransition, recordEvent, toEvent } from "../../kubernetes/events.ts";
import type { FunctionNamespaces } from "../../kubernetes/function-namespaces.ts";

export interface StatusWriterOptions {
  client: KubernetesClient;
  logger: Logger;
  namespaces: Pick<FunctionNamespaces, "state">;
  /** Name of this instance, for Events. */
  identity: string;
}

export class StatusWriter {
  readonly #options: StatusWriterOptions;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** Throws a KubernetesError, except when the Function is gone. */
  async write(resource: FunctionResource, status: FunctionStatus): Promise<void> {
    if (isSame(resource.status, status)) {
      return;
    }
    const path = functionPath(resource.metadata, "status");
    try {
      await this.#options.client.mergePatch(path, { status }, FIELD_MANAGER.operator);
    } catch (error) {
      if (isKubernetesStatus(error, 404)) {
        return;
      }
      throw error;
    }
    await this.#announce(resource, status);
  }

  async #announce(resource: FunctionResource, status: FunctionStatus): Promise<void> {
    const before = resource.status?.conditions?.find(({ type }) => type === "Ready");
    const after = status.conditions?.[0];
    if (after === undefined || !isTransition(before, after)) {
      return;
    }
    const { logger, namespaces } = this.#options;
    const { status: ready, reason, message } = after;
    const functionName = toDisplayName(resource.metadata);
    logger.info({ functionName, ready, reason, message }, "status changed");
    // Elsewhere the operator has no right to write Events.
    if (namespaces.state(resource.metadata.namespace) === "served") {
      await recordEvent(this.#options, resource, toEvent(after));
    }
  }
}

function isSame(before: FunctionStatus | undefined, after: FunctionStatus): boolean {
  return before !== undefined && toComparable(before) === toComparable(after);
}

/** Keys in a fixed order: the API server has its own. */
function toComparable(status: FunctionStatus): string {
  return JSON.stringify(status, (_key, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
