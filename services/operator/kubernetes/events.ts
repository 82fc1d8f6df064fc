/** Events on a Function, which `kubectl describe` shows, or on another object. */
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

/** What an Event is about. */
export interface EventSubject {
  apiVersion: string;
  kind: string;
  name: string;
  /** Of the Event, too: the API server demands that they are the same. */
  namespace: string;
  uid?: string | undefined;
}

/** Writes an Event on a Function. A failure is only logged, since no state depends on it. */
export async function recordEvent(
  recorder: EventRecorder,
  { metadata: { name, namespace, uid } }: FunctionResource,
  event: RecordedEvent,
): Promise<void> {
  const { apiVersion, kind } = CRD;
  await recordEventOn(recorder, { apiVersion, kind, name, namespace, uid }, event);
}

/** Writes an Event on whatever object. A failure is only logged. */
export async function recordEventOn(
  { client, logger, identity }: EventRecorder,
  involvedObject: EventSubject,
  { type, reason, message }: RecordedEvent,
): Promise<void> {
  const { kind, name, namespace } = involvedObject;
  const now = new Date().toISOString();
  const event = {
    metadata: { generateName: `${name}.`, namespace },
    involvedObject,
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
    const subject = `${kind} ${namespace}/${name}`;
    logger.warn({ subject, reason: messageOf(error) }, "event not written");
  }
}
