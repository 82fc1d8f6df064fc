/** `/system/alert`: Alertmanager's webhook scales functions. */
import {
  AlertRequest,
  type FunctionReference,
  type FunctionResource,
  isAutoscaled,
  scaleLimits,
  splitName,
  toDisplayName,
  toKey,
} from "../../../contract/index.ts";
import { functionPath } from "../../lib/function-path.ts";
import { isKubernetesStatus } from "../../lib/kubernetes.ts";
import { messageOf } from "../../lib/logger.ts";
import {
  desiredReplicas,
  replicasWhenFiring,
  replicasWhenResolved,
  scaleFunction,
} from "../cluster/scaling.ts";
import { failures } from "../errors.ts";
import { operation, PlainText } from "./operation.ts";
import type { SystemApp, SystemContext } from "./types.ts";

type Alert = AlertRequest["alerts"][number];

/** Why an alert did not scale its function. */
interface Problem {
  message: string;
  /** What Alertmanager shall hear: 200 nothing is wrong, 404 in vain, 500 come again. */
  status: 200 | 404 | 500;
}

/** Adds the webhook. */
export function registerAlertRoute(app: SystemApp, context: SystemContext): void {
  const schema = {
    ...operation("ScaleAlert", "internal", "Scale functions by Alertmanager's alerts"),
    body: AlertRequest,
    response: { 200: PlainText, 400: PlainText, 404: PlainText, 500: PlainText },
  };
  app.post("/system/alert", { schema, attachValidation: true }, async (request, reply) => {
    if (request.validationError !== undefined) {
      return reply.code(400).send("Unable to parse alert, bad format.");
    }
    const { alerts } = request.body;
    const decisive = pickDecisive(alerts, context.namespaces.home);
    const problems = await Promise.all(
      alerts.map(async (alert) => (decisive.has(alert) ? await handle(context, alert) : undefined)),
    );
    const lines = problems.flatMap((problem, index) =>
      problem === undefined ? [] : [`[${index}] ${problem.message}`],
    );
    if (lines.length === 0) {
      return reply.code(200).send();
    }
    context.logger.warn({ problems: lines }, "alert not handled in full");
    // Alertmanager sends a 5xx again; a function that is gone would not come back for it.
    const status = Math.max(...problems.map((problem) => problem?.status ?? 200));
    return reply.code(status as Problem["status"]).send(lines.join("\n"));
  });
}

/**
 * Of several alerts about one function, in whatever order, one decides: a firing one, since the
 * load that it tells of is there though others have ended. What is about no function is kept.
 */
function pickDecisive(alerts: readonly Alert[], home: string): Set<Alert> {
  const chosen = new Map<string | Alert, Alert>();
  for (const alert of alerts) {
    const name = alert.labels.function_name;
    const key = name === undefined ? alert : toKey(splitName(name, home));
    const other = chosen.get(key);
    if (other === undefined || (!isFiring(other) && isFiring(alert))) {
      chosen.set(key, alert);
    }
  }
  return new Set(chosen.values());
}

function isFiring({ status }: Alert): boolean {
  return status === "firing";
}

async function handle(context: SystemContext, alert: Alert): Promise<Problem | undefined> {
  const { functions, namespaces } = context;
  const { labels } = alert;
  if (labels.function_name === undefined) {
    return { message: "skipped: expected a label function_name, got none", status: 200 };
  }
  const reference = splitName(labels.function_name, namespaces.home);
  const functionName = toDisplayName(reference);
  let resource = functions.get(toKey(reference));
  for (let attempt = 1; resource !== undefined; attempt++) {
    try {
      await scale(context, { alert, reference, resource });
      return undefined;
    } catch (error) {
      if (!isKubernetesStatus(error, 409) || attempt === MAX_ATTEMPTS) {
        return { message: messageOf(error), status: 500 };
      }
      resource = await context.client.find<FunctionResource>(functionPath(reference));
    }
  }
  const { message } = failures.functionNotFound(functionName);
  return { message, status: 404 };
}

/** How often a function is read anew that is changed again and again. */
const MAX_ATTEMPTS = 5;

interface Scaling {
  alert: Alert;
  reference: FunctionReference;
  resource: FunctionResource;
}

/** Scales a function as it was read. Throws a Conflict when it is not so any more. */
async function scale(
  { client, logger }: SystemContext,
  { alert, reference, resource }: Scaling,
): Promise<void> {
  if (isAutoscaled(resource.spec)) {
    // The operator does it: two who go by different numbers would undo each other's work.
    logger.debug({ functionName: toDisplayName(reference) }, "alert of no use: scaled by its load");
    return;
  }
  const limits = scaleLimits(resource);
  if (limits.min === limits.max || limits.factorPercent === 0) {
    return;
  }
  const current = desiredReplicas(resource);
  const replicas = isFiring(alert)
    ? replicasWhenFiring(current, limits)
    : replicasWhenResolved(current, limits);
  if (replicas !== current) {
    const change = { from: current, to: replicas };
    const functionName = toDisplayName(reference);
    logger.info({ functionName, status: alert.status, ...change }, "scaling by alert");
    const { resourceVersion } = resource.metadata;
    await scaleFunction(client, { ...reference, resourceVersion }, replicas);
  }
}
