/** `/async/calls/<id>/result`: the kept answer of a queued call, as its function gave it. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { AsyncCall } from "../../../contract/index.ts";
import { isFinal, type KeptResult, type ResultBody } from "../../../contract/queue/index.ts";
import type { AsyncPublisher } from "../calls/async-publisher.ts";
import { type FoundResult, KeptResults } from "../calls/kept-results.ts";
import { type FoundCall, QueuedCalls } from "../calls/queued-calls.ts";
import { readCall, toShownCall } from "../calls/shown-call.ts";
import { failures, HttpError } from "../errors.ts";
import { operation, PlainText } from "./operation.ts";
import { askQueue, requireRight } from "./queue-access.ts";
import type { SystemApp, SystemContext } from "./types.ts";

const Params = Type.Object({
  id: Type.String({ description: "the call's id, from its Location" }),
});

/** Seconds after which a client may ask again for a call that has no end yet. */
const RETRY_AFTER_SECONDS = 1;

/** Adds the route; without a queue it answers 404. */
export function registerResultRoute(app: SystemApp, context: SystemContext): void {
  const schema = {
    ...operation("GetAsyncResult", "queue", "Give the kept answer of a queued call"),
    description:
      "The status and the headers are the function's; X-Function-Status says that they are.",
    params: Params,
    response: {
      202: AsyncCall,
      410: { description: "The result is over, or there will be none", ...PlainText },
      default: { description: "The function's answer", ...PlainText },
    },
  };
  app.get("/async/calls/:id/result", { schema }, async (request, reply) => {
    await askQueue(context, (queue) => answer(queue, request, reply));
    return reply;
  });
}

async function answer(
  queue: AsyncPublisher,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { id } = request.params as { id: string };
  // In this order: of what is over by the first look, the second one finds what was kept.
  const call = await new QueuedCalls(queue).find(id);
  const results = new KeptResults(queue);
  const found = await results.find(id);
  const reference = found?.reference ?? call?.reference;
  const missing = failures.callNotFound();
  if (reference === undefined) {
    throw new HttpError(missing);
  }
  requireRight(request, "invoke", { ...reference, missing });
  if (found?.result !== undefined) {
    await send(reply, { ...found, result: found.result }, results);
    return;
  }
  if (found !== undefined || call === undefined) {
    throw new HttpError(failures.resultGone("its time is over"));
  }
  await reply.code(202).header("Retry-After", RETRY_AFTER_SECONDS).send(toWaiting(call));
}

/** What is known of a call that has no result yet; throws where it will have none. */
function toWaiting(call: FoundCall): AsyncCall {
  const { state, message } = call;
  if (state !== undefined && isFinal(state) && state.state !== "done") {
    throw new HttpError(failures.resultGone(`the call is ${state.state}, and had no answer`));
  }
  const queued = message === undefined ? undefined : readCall(message);
  const isOver = state !== undefined && isFinal(state);
  if (queued?.keepResultSeconds === undefined || isOver) {
    throw new HttpError(failures.resultNotFound());
  }
  return toShownCall(call, call);
}

/**
 * Sends it by hand, as Fastify does not know all statuses. What the gateway says of its own pages,
 * such as which scripts may run, holds here, too: they have the administrator's site.
 */
async function send(
  reply: FastifyReply,
  found: FoundResult & { result: KeptResult },
  results: KeptResults,
): Promise<void> {
  const { status, headers, body } = found.result;
  const { raw } = reply.hijack();
  const hasBody = status !== 204 && status !== 304;
  const passed = Object.entries(headers).filter(([name]) => !raw.hasHeader(name));
  raw.writeHead(status, {
    ...Object.fromEntries(passed),
    ...(hasBody && { "Content-Length": lengthOf(body) }),
  });
  // Where a piece is gone the connection is: the length says that there was more.
  await pipeline(Readable.from(results.read(found, body)), raw).catch(() => undefined);
}

function lengthOf(body: ResultBody): number {
  return Buffer.isBuffer(body) ? body.length : body.bytes;
}
