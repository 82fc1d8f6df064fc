/** Why an object is not ready: what its pods and the latest warning events say. */
import { isBag, type Bag, type Value } from "../../lib/values.ts";
import { get, getItems, getName, getNamespace, getString } from "../metadata.ts";
import type { CheckContext } from "./conditions.ts";

const REASONS_MAX = 5;
const LENGTH_MAX = 300;

/** A few short sentences, best first; none when the cluster does not say anything. */
export async function explain(object: Bag, context: CheckContext): Promise<string[]> {
  const namespace = getNamespace(object);
  if (namespace === undefined) return [];
  const pods = await listPods(object, namespace, context);
  const troubled = pods.flatMap(describePod);
  const uids = [object, ...pods].map((item) => getString(item, "metadata", "uid"));
  const warnings = await listWarnings(namespace, new Set(uids), context);
  const news = warnings.filter(({ message }) => !troubled.some((text) => text.endsWith(message)));
  const reasons = [...new Set([...troubled, ...news.map(({ text }) => text)])];
  return reasons.slice(0, REASONS_MAX).map((reason) => reason.slice(0, LENGTH_MAX));
}

async function listPods(object: Bag, namespace: string, context: CheckContext): Promise<Bag[]> {
  const labels = get(object, "spec", "selector", "matchLabels") ?? get(object, "spec", "selector");
  if (!isBag(labels) || Object.keys(labels).length === 0) return [];
  const labelSelector = Object.entries(labels)
    .flatMap(([key, value]) => (typeof value === "string" ? [`${key}=${value}`] : []))
    .join(",");
  const query = new URLSearchParams({ labelSelector }).toString();
  return context.api.list(`/api/v1/namespaces/${namespace}/pods?${query}`, context.signal);
}

function describePod(pod: Bag): string[] {
  const name = `pod ${getName(pod)}`;
  const unscheduled = getItems(pod, "status", "conditions").filter(
    (condition) =>
      getString(condition, "type") === "PodScheduled" && getString(condition, "status") === "False",
  );
  const containers = [
    ...getItems(pod, "status", "initContainerStatuses"),
    ...getItems(pod, "status", "containerStatuses"),
  ];
  return [
    ...unscheduled.map(
      (condition) => `${name}: ${getString(condition, "message") ?? "unscheduled"}`,
    ),
    ...containers.flatMap((container) =>
      describeContainer(container).map((text) => `${name}, ${text}`),
    ),
  ];
}

function describeContainer(container: Value): string[] {
  const waiting = get(container, "state", "waiting");
  const reason = getString(waiting, "reason");
  if (reason === undefined || reason === "ContainerCreating" || reason === "PodInitializing") {
    return [];
  }
  const exit = get(container, "lastState", "terminated", "exitCode");
  const parts = [
    reason,
    getString(waiting, "message") ?? "",
    typeof exit === "number" ? `last exit code ${String(exit)}` : "",
  ];
  const name = getString(container, "name") ?? "";
  return [`container ${name}: ${parts.filter((part) => part !== "").join(", ")}`];
}

async function listWarnings(
  namespace: string,
  uids: Set<string | undefined>,
  context: CheckContext,
): Promise<{ text: string; message: string }[]> {
  const query = new URLSearchParams({ fieldSelector: "type=Warning" }).toString();
  const path = `/api/v1/namespaces/${namespace}/events?${query}`;
  const events = await context.api.list(path, context.signal);
  return events
    .filter((event) => uids.has(getString(event, "involvedObject", "uid")))
    .sort((left, right) => toTime(right).localeCompare(toTime(left)))
    .map((event) => {
      const kind = (getString(event, "involvedObject", "kind") ?? "").toLowerCase();
      const name = getString(event, "involvedObject", "name") ?? "";
      const reason = getString(event, "reason") ?? "";
      const message = getString(event, "message") ?? "";
      return { text: `${kind} ${name}: ${reason}: ${message}`, message };
    });
}

function toTime(event: Bag): string {
  return getString(event, "lastTimestamp") ?? getString(event, "eventTime") ?? "";
}
