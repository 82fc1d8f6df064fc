/** Tells of what others do to the objects that a namespace is set up with: log, metric, Event. */
import type { Counter, Registry } from "../../../lib/metrics.ts";
import { type EventRecorder, recordEventOn } from "../../kubernetes/events.ts";
import { createDriftCounter } from "../../kubernetes/metrics.ts";
import { Repairs } from "../../kubernetes/repairs.ts";
import type { Namespace } from "../../kubernetes/types.ts";
import type { OwnObject } from "./objects.ts";

export interface DriftReportOptions extends EventRecorder {
  registry: Registry;
}

/** What was found of an object, and undone. */
export interface Finding {
  object: OwnObject;
  /** What others had written, each with who it was; undefined: the object was not there. */
  fields: readonly string[] | undefined;
}

/** What is remembered of a deletion, in the place of fields. */
const DELETED = "(deleted)";

export class DriftReport {
  readonly #options: DriftReportOptions;
  readonly #counter: Counter<"kind" | "result">;
  readonly #repairs = new Repairs();

  constructor(options: DriftReportOptions) {
    this.#options = options;
    this.#counter = createDriftCounter(options.registry);
  }

  /** What comes back again and again is told once. */
  async tell({ metadata }: Namespace, { object, fields }: Finding): Promise<void> {
    const { name: namespace, uid } = metadata;
    const { kind, name } = object;
    const result = "repaired";
    this.#counter.inc({ kind, result });
    if (!this.#repairs.note(`${namespace}/${kind}/${name}`, fields ?? [DELETED])) {
      return;
    }
    this.#options.logger.warn({ namespace, kind, name, fields, result }, "drift");
    const text =
      fields === undefined
        ? "others had deleted it, and it was made again"
        : `others had changed it, which was undone: ${fields.join(", ")}`;
    // An Event is in the namespace of what it is about, and the operator may write it there.
    const subject = { apiVersion: "v1", kind: "Namespace", name: namespace, namespace, uid };
    const message = `${kind} ${name}: ${text}`;
    await recordEventOn(this.#options, subject, { type: "Warning", reason: "Drifted", message });
  }
}
