/** `/system/logs`: the log lines of a function's pods as newline-delimited JSON. */
import type { OutgoingHttpHeaders } from "node:http";
import { type Static, Type } from "typebox";
import {
  DURATION,
  LogMessage,
  parseDuration,
  quote,
  toDisplayName,
  toKey,
} from "../../../contract/index.ts";
import { messageOf } from "../../lib/logger.ts";
import { failures, HttpError } from "../errors.ts";
import { LogStream, type LogStreamOptions } from "./log-stream.ts";
import { operation } from "./operation.ts";
import { readFunction } from "./reference.ts";
import type { SystemApp, SystemContext } from "./types.ts";

const RFC_3339 = String.raw`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d([.]\d{1,9})?([Zz]|[-+]\d\d:\d\d)$`;

const Query = Type.Object({
  name: Type.String({ minLength: 1, description: "the function's name, or name.namespace" }),
  namespace: Type.Optional(Type.String({ description: "the function's namespace" })),
  instance: Type.Optional(Type.String({ description: "the name of the only pod that is meant" })),
  tail: Type.Optional(
    Type.String({
      pattern: "^-?[0-9]{1,9}$",
      description: "a number of last lines of each pod; zero and less mean all",
    }),
  ),
  follow: Type.Optional(
    Type.String({ description: "1 or true to go on with new lines until the caller leaves" }),
  ),
  since: Type.Optional(
    Type.String({
      pattern: `^$|${RFC_3339}|${DURATION}`,
      description: "a time in RFC 3339, or a duration before now such as 5m",
    }),
  ),
});

/** Adds the log route. */
export function registerLogRoute(app: SystemApp, context: SystemContext): void {
  const schema = {
    ...operation("GetLogs", "logs", "Read or follow the log lines of a function"),
    querystring: Query,
    response: { 200: { content: { "application/x-ndjson": { schema: LogMessage } } } },
  };
  app.get("/system/logs", { schema }, async (request, reply) => {
    const stream = new LogStream(toOptions(context, request.query));
    try {
      await stream.open();
    } catch (error) {
      context.logger.warn({ reason: messageOf(error) }, "pods not listed for their logs");
      throw new HttpError(failures.logsUnavailable());
    }
    // Written by hand, so that the header goes out before the first line, which may take long.
    reply.hijack();
    const { raw } = reply;
    const stop = (): void => stream.stop();
    const { stopping } = context;
    stopping.addEventListener("abort", stop);
    raw.once("close", () => {
      stopping.removeEventListener("abort", stop);
      stop();
    });
    if (stopping.aborted) {
      stop();
    }
    request.raw.socket.setTimeout(0);
    raw.writeHead(200, {
      ...reply.getHeaders(),
      "content-type": "application/x-ndjson",
    } as OutgoingHttpHeaders);
    raw.flushHeaders();
    await stream.writeTo(raw);
  });
}

function toOptions(context: SystemContext, query: Static<typeof Query>): LogStreamOptions {
  const { instance = "", tail = "0", follow, since = "" } = query;
  const reference = readFunction(context, query.name, { query: query.namespace });
  if (context.functions.get(toKey(reference)) === undefined) {
    throw new HttpError(failures.functionNotFound(toDisplayName(reference)));
  }
  const tailLines = Number(tail);
  return {
    client: context.client,
    logger: context.logger,
    reference,
    isFollowing: follow === "true" || follow === "1",
    ...(instance !== "" && { instance }),
    ...(tailLines > 0 && { tailLines }),
    ...(since !== "" && { sinceTime: toSinceTime(since) }),
  };
}

function toSinceTime(since: string): string {
  const isTime = /^\d{4}-/.test(since);
  // Since before there was time means all: such a date cannot be written.
  const time = isTime ? Date.parse(since) : Math.max(0, Date.now() - parseDuration(since));
  if (Number.isNaN(time)) {
    throw new HttpError(
      failures.badRequest(`since: expected a time that exists, got ${quote(since)}`),
    );
  }
  return new Date(time).toISOString();
}
