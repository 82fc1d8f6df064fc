/** `/system/alert`: Alertmanager's webhook scales functions. */
import { AlertRequest } from "../../contract/index.ts";
import { messageOf } from "../../lib/logger.ts";
import { splitName, toDisplayName, toKey } from "../names.ts";
import { desiredReplicas, replicasWhenFiring, scaleFunction, scaleLimits } from "../scaling.ts";
import { Done, operation, PlainText } from "./operation.ts";
import type { SystemApp, SystemContext } from "./system.ts";

interface Alert {
  status: string;
  labels: { function_name: string };
}

interface Problem {
  message: string;
  isMissing: boolean;
}

/** Adds the webhook. */
export function registerAlertRoute(app: SystemApp, context: SystemContext): void {
  const schema = {
    ...operation("ScaleAlert", "internal", "Scale functions by Alertmanager's alerts"),
    body: AlertRequest,
    response: { 200: Done, 400: PlainText, 404: PlainText, 500: PlainText },
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
    const isFinal = problems.every((problem) => problem?.isMissing ?? true);
    return reply.code(isFinal ? 404 : 500).send(lines.join("\n"));
  });
}

async function handle(
  context: SystemContext,
  { status, labels }: Alert,
): Promise<Problem | undefined> {
  const { client, functions, functionNamespace, logger } = context;
  const reference = splitName(labels.function_name, functionNamespace);
  const functionName = toDisplayName(reference);
  const resource = functions.get(toKey(reference));
  if (resource === undefined) {
    return { message: `error finding function ${functionName}`, isMissing: true };
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
    return { message: messageOf(error), isMissing: false };
  }
}
