/** Events on a Function, which `kubectl describe` shows. */
import { type Condition, CRD, type FunctionResource } from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";

export interface EventRecorder {
  client: KubernetesClient;
  logger: Logger;
  /** Name of this instance. */
  identity: string;
}

/** Reasons that take turns while the same goes on. */
const TURNS: readonly (readonly string[])[] = [
  // With each change of the load.
  ["Available", "Scaling"],
  // Of a container that does not stay: how it ended, that it waits, and that it runs again.
  [
    "Crashed",
    "Completed",
    "OOMKilled",
    "StartError",
    "RunContainerError",
    "CrashLoopBackOff",
    "Restarting",
  ],
  // Of an image: a registry may be away in one attempt and refuse in the next.
  ["ErrImagePull", "RegistryUnavailable"],
];

/** Whether a condition has another status or reason than before, which is worth an Event. */
export function isTransition(before: Condition | undefined, after: Condition): boolean {
  if (before?.status !== after.status) {
    return true;
  }
  const reasons = [before.reason, after.reason];
  const isTurn = TURNS.some((turns) => reasons.every((reason) => turns.includes(reason)));
  return before.reason !== after.reason && !isTurn;
}

/** An Event, as `kubectl describe` shows it. */
export interface RecordedEvent {
  type: "Normal" | "Warning";
  reason: string;
  message: string;
}

/** The Event that says what a condition says. */
export function toEvent({ status, reason, message }: Condition): RecordedEvent {
  const isNormal = status === "True" || reason === "Progressing";
  return { type: isNormal ? "Normal" : "Warning", reason, message };
}

/** Writes an Event. A failure is only logged, since no state depends on it. */
export async function recordEvent(
  { client, logger, identity }: EventRecorder,
  { metadata }: FunctionResource,
  { type, reason, message }: RecordedEvent,
): Promise<void> {
  const { name, namespace, uid } = metadata;
  const now = new Date().toISOString();
  const event = {
    metadata: { generateName: `${name}.`, namespace },
    involvedObject: { apiVersion: CRD.apiVersion, kind: CRD.kind, name, namespace, uid },
    type,
    reason,
    message: message.slice(0, 1024),
    action: "Reconcile",
    reportingComponent: "plonk-operator",
    reportingInstance: identity,
    source: { component: "plonk-operator" },
    eventTime: now.replace("Z", "000Z"),
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
  try {
    const path = resourcePath({ plural: "events", namespace });
    await client.request(path, { method: "POST", body: event });
  } catch (error) {
    logger.warn(
      { function: `${namespace}/${name}`, reason: messageOf(error) },
      "event not written",
    );
  }
}
