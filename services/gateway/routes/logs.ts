/** `/system/logs`: the log lines of a function's pods as newline-delimited JSON. */
import { PassThrough } from "node:stream";
import { Type } from "typebox";
import { LogMessage } from "../../contract/index.ts";
import { parseDuration } from "../../contract/duration.ts";
import { BadRequest, FunctionNotFound } from "../errors.ts";
import { LogStream } from "../log-stream.ts";
import { toNamespace } from "../namespaces.ts";
import { toDisplayName, toKey } from "../names.ts";
import { operation } from "./operation.ts";
import type { SystemApp, SystemContext } from "./system.ts";

const Query = Type.Object({
  name: Type.String({ minLength: 1 }),
  namespace: Type.Optional(Type.String()),
  /** Name of one pod. */
  instance: Type.Optional(Type.String()),
  /** Last lines of each pod; zero or less means all. */
  tail: Type.Optional(Type.String({ pattern: "^-?[0-9]+$" })),
  follow: Type.Optional(Type.String()),
  /** RFC 3339, or a duration before now. */
  since: Type.Optional(Type.String()),
});

/** Adds the log route. */
export function registerLogRoute(app: SystemApp, context: SystemContext): void {
  const schema = {
    ...operation("GetLogs", "logs", "Read or follow the log lines of a function"),
    querystring: Query,
    response: {
      200: {
        content: { "application/x-ndjson": { schema: Type.Unsafe<PassThrough>(LogMessage) } },
      },
    },
  };
  app.get("/system/logs", { schema }, async (request, reply) => {
    const { name, instance, tail, follow, since } = request.query;
    const namespace = toNamespace(context, request.query.namespace);
    const reference = { name, namespace };
    if (context.functions.get(toKey(reference)) === undefined) {
      throw new FunctionNotFound(toDisplayName(reference));
    }
    const isFollowing = follow === "true" || follow === "1";
    const tailLines = Number(tail ?? 0);
    const stream = new LogStream({
      client: context.client,
      logger: context.logger,
      reference,
      isFollowing,
      ...(instance !== undefined && instance !== "" && { instance }),
      ...(tailLines > 0 && { tailLines }),
      ...(since !== undefined && since !== "" && { sinceTime: toSinceTime(since) }),
    });
    const output = new PassThrough();
    request.raw.socket.setTimeout(0);
    output.once("close", () => stream.stop());
    void stream.writeTo(output);
    return reply.type("application/x-ndjson").send(output);
  });
}

function toSinceTime(since: string): string {
  const time = Date.parse(since);
  if (!Number.isNaN(time)) {
    return new Date(time).toISOString();
  }
  try {
    return new Date(Date.now() - parseDuration(since)).toISOString();
  } catch {
    throw new BadRequest(`since: expected RFC 3339 or a duration, got ${JSON.stringify(since)}`);
  }
}
