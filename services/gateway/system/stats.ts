/** What the page shows beside the list: how functions and the queue are doing. */
import { Type } from "typebox";
import { FunctionStats, QueueStatus } from "../../../contract/index.ts";
import { messageOf } from "../../lib/logger.ts";
import { toNamespace } from "../cluster/namespaces.ts";
import { failures, HttpError } from "../errors.ts";
import { operation } from "./operation.ts";
import type { SystemApp, SystemContext } from "./types.ts";

const Query = Type.Object({
  namespace: Type.Optional(Type.String({ description: "the functions' namespace" })),
});

/** Adds `/system/function-stats` and `/system/queue`. Both answer within a second or so. */
export function registerStatsRoutes(app: SystemApp, context: SystemContext): void {
  const { stats, queue, logger } = context;
  const functions = {
    ...operation(
      "GetFunctionStats",
      "functions",
      "Say how much functions are called, and how fast",
    ),
    querystring: Query,
    response: { 200: Type.Array(FunctionStats) },
  };
  app.get("/system/function-stats", { schema: functions }, async (request) =>
    stats.read(toNamespace(context, request.query.namespace)),
  );
  const status = {
    ...operation("GetQueue", "system", "Say how many asynchronous calls wait"),
    response: { 200: QueueStatus },
  };
  app.get("/system/queue", { schema: status }, async () => {
    if (queue === undefined) {
      throw new HttpError(failures.noQueue());
    }
    try {
      return await queue.status();
    } catch (error) {
      logger.debug({ reason: messageOf(error) }, "queue status not available");
      throw new HttpError(failures.queueUnavailable());
    }
  });
}
