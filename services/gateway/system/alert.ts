/** `/system/alert`: Alertmanager's webhook scales functions. */
import {
  AlertRequest,
  scaleLimits,
  splitName,
  toDisplayName,
  toKey,
} from "../../../contract/index.ts";
import { messageOf } from "../../lib/logger.ts";
import { desiredReplicas, replicasWhenFiring, scaleFunction } from "../cluster/scaling.ts";
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
    const problems = await Promise.all(request.body.alerts.map((alert) => handle(context, alert)));
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

async function handle(
  { client, functions, namespaces, logger }: SystemContext,
  { status, labels }: Alert,
): Promise<Problem | undefined> {
  if (labels.function_name === undefined) {
    return { message: "skipped: expected a label function_name, got none", status: 200 };
  }
  const reference = splitName(labels.function_name, namespaces.home);
  const functionName = toDisplayName(reference);
  const resource = functions.get(toKey(reference));
  if (resource === undefined) {
    const { message } = failures.functionNotFound(functionName);
    return { message, status: 404 };
  }
  const limits = scaleLimits(resource);
  if (limits.min === limits.max || limits.factorPercent === 0) {
    return undefined;
  }
  const current = desiredReplicas(resource);
  const replicas = status === "firing" ? replicasWhenFiring(current, limits) : limits.min;
  if (replicas === current) {
    return undefined;
  }
  try {
    logger.info({ functionName, status, from: current, to: replicas }, "scaling by alert");
    await scaleFunction(client, reference, replicas);
    return undefined;
  } catch (error) {
    return { message: messageOf(error), status: 500 };
  }
}
