/** Tells of what others write into a function's objects: log, metric and Event. */
import { type FunctionResource, toDisplayName } from "../../../../contract/index.ts";
import type { Registry } from "../../../lib/metrics.ts";
import type { Drift } from "../../kubernetes/applier.ts";
import { type EventRecorder, recordEvent } from "../../kubernetes/events.ts";
import { createDriftCounter } from "../../kubernetes/metrics.ts";

export interface DriftReportOptions extends EventRecorder {
  functions: { get(key: string): FunctionResource | undefined };
  registry: Registry;
}

const TEXT = {
  repaired: "others had changed it, which was undone",
  left: "others have changed it again after that was undone, and it is left for an hour",
};

/** Nobody can change it in place, only delete it and make it anew. */
const OTHER_CODE =
  "others have made it anew with other content, and pods that run have that of before";

/** Gives what reports the drift of objects of a kind. */
export function createDriftReport(
  options: DriftReportOptions,
): (kind: string) => (drift: Drift) => Promise<void> {
  const { logger, functions, registry } = options;
  const counter = createDriftCounter(registry);
  return (kind) =>
    async ({ key, fields, result, isNews }) => {
      counter.inc({ kind, result });
      // The key is that of the Function: a Deployment and a Service have the same.
      const resource = functions.get(key);
      if (resource === undefined || !isNews) {
        return;
      }
      const functionName = toDisplayName(resource.metadata);
      logger.warn({ functionName, kind, fields, result }, "drift");
      const text = kind === "ConfigMap" ? OTHER_CODE : TEXT[result];
      const message = `${kind}: ${text}: ${fields.join(", ")}`;
      await recordEvent(options, resource, { type: "Warning", reason: "Drifted", message });
    };
}
