/** `/async/calls`: where queued calls are, and their cancellation. */
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { AsyncCall, toDisplayName } from "../../../contract/index.ts";
import { CALL_STATES, isFinal } from "../../../contract/queue/index.ts";
import type { AsyncPublisher } from "../calls/async-publisher.ts";
import { type FoundCall, QueuedCalls } from "../calls/queued-calls.ts";
import { pickCallFields, toShownCall } from "../calls/shown-call.ts";
import { failures, HttpError } from "../errors.ts";
import { toLetterBox } from "./dead-letters.ts";
import { operation } from "./operation.ts";
import {
  AfterQuery,
  askQueue,
  FilterQuery,
  LimitQuery,
  linkNext,
  readFilter,
  readLimit,
  readPlace,
  requireRight,
} from "./queue-access.ts";
import type { SystemApp, SystemContext } from "./types.ts";

const Query = Type.Object({
  ...FilterQuery,
  state: Type.Optional(
    Type.Enum([...CALL_STATES], { description: `one of ${CALL_STATES.join(", ")}` }),
  ),
  ...LimitQuery,
  ...AfterQuery,
});

const Params = Type.Object({
  id: Type.String({ description: "the call's id, from its Location" }),
});

/** Adds the routes; without a queue they answer 404. */
export function registerCallRoutes(app: SystemApp, context: SystemContext): void {
  const list = {
    ...operation("GetAsyncCalls", "queue", "List queued calls of a namespace, the oldest first"),
    querystring: Query,
    response: { 200: Type.Array(AsyncCall) },
  };
  app.get("/async/calls", { schema: list }, (request, reply) =>
    askQueue(context, async (queue) => {
      const { state, after } = request.query;
      const { calls, next } = await new QueuedCalls(queue).list({
        ...readFilter(context, request.query),
        state,
        limit: readLimit(request.query),
        after: readPlace(after) ?? 0,
      });
      linkNext(request, reply, { name: "after", place: next });
      return calls;
    }),
  );
  const show = {
    ...operation("GetAsyncCall", "queue", "Say where a queued call is"),
    params: Params,
    response: { 200: AsyncCall },
  };
  app.get("/async/calls/:id", { schema: show }, (request) =>
    askQueue(context, async (queue) => {
      const call = await find(queue, request, "read");
      return complete(context, queue, toShownCall(call, call));
    }),
  );
  registerCancellation(app, context);
}

function registerCancellation(app: SystemApp, context: SystemContext): void {
  const cancel = async (queue: AsyncPublisher, request: FastifyRequest): Promise<AsyncCall> => {
    const call = await find(queue, request, "write");
    request.target = toDisplayName(call.reference);
    if (call.state !== undefined && isFinal(call.state)) {
      throw new HttpError(failures.conflict(`the call is ${call.state.state} already`));
    }
    if (!(await new QueuedCalls(queue).cancel(call))) {
      throw new HttpError(failures.conflict("the call is over already"));
    }
    return toShownCall(call, call);
  };
  const schema = { params: Params, response: { 202: AsyncCall } };
  const described = {
    ...operation("CancelAsyncCall", "queue", "Cancel a queued call, and answer what it was"),
    ...schema,
  };
  app.delete("/async/calls/:id", { schema: described }, async (request, reply) =>
    reply.code(202).send(await askQueue(context, (queue) => cancel(queue, request))),
  );
  // OpenFaaS Pro's path.
  app.delete("/async-function/:id", { schema: { hide: true, ...schema } }, async (request, reply) =>
    reply.code(202).send(await askQueue(context, (queue) => cancel(queue, request))),
  );
}

async function find(
  queue: AsyncPublisher,
  request: FastifyRequest,
  right: "read" | "write",
): Promise<FoundCall> {
  const missing = failures.callNotFound();
  const call = await new QueuedCalls(queue).find((request.params as { id: string }).id);
  if (call === undefined) {
    throw new HttpError(missing);
  }
  requireRight(request, right, { namespace: call.reference.namespace, missing });
  return call;
}

/** Letters among which that of a dead call is looked for: it has just been written. */
const RECENT = 100;

/** Of a dead call, what its letter tells. */
async function complete(
  context: SystemContext,
  queue: AsyncPublisher,
  call: AsyncCall,
): Promise<AsyncCall> {
  if (call.state !== "dead" && call.state !== "expired") {
    return call;
  }
  const { namespace, functionName } = call;
  const box = toLetterBox(context, queue);
  const { letters } = await box.list({ namespace, functionName, limit: RECENT });
  const letter = letters.find(({ id, kind }) => id === call.id && kind === "call");
  return letter === undefined
    ? call
    : { ...call, deadLetter: letter.sequence, ...pickCallFields(letter) };
}
