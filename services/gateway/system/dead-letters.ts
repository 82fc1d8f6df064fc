/** `/async/dead-letters`: what no worker tries any more. */
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import {
  DeadLetterDetail,
  DeadLetterSummary,
  type FunctionReference,
  PurgeResult,
  RedrivenLetter,
  RedriveResult,
  toKey,
} from "../../../contract/index.ts";
import { toQueueName } from "../../../contract/queue/index.ts";
import type { AsyncPublisher } from "../calls/async-publisher.ts";
import { DeadLetterBox } from "../calls/dead-letter-box.ts";
import { ownerOf, toDetail } from "../calls/shown-letter.ts";
import type { ReadMessage } from "../calls/stream-reader.ts";
import type { CallFilter } from "../calls/told-states.ts";
import { failures, HttpError } from "../errors.ts";
import { Done, operation } from "./operation.ts";
import {
  AfterQuery,
  askQueue,
  BeforeQuery,
  FilterQuery,
  LimitQuery,
  linkNext,
  readFilter,
  readLimit,
  readPlace,
  requireRight,
} from "./queue-access.ts";
import type { SystemApp, SystemContext } from "./types.ts";

const ListQuery = Type.Object({ ...FilterQuery, ...LimitQuery, ...BeforeQuery });
const RedriveQuery = Type.Object({ ...ListQuery.properties, ...AfterQuery });
const PurgeQuery = Type.Object({ ...FilterQuery, ...BeforeQuery });
const Params = Type.Object({
  sequence: Type.String({ pattern: "^[0-9]{1,15}$", description: "the letter's number" }),
});

/** The letters, as the gateway that serves the context reaches them. */
export function toLetterBox(context: SystemContext, queue: AsyncPublisher): DeadLetterBox {
  const { marks, namespaces, functions, queueNames } = context;
  const queueOf = (reference: FunctionReference): string =>
    toQueueName(functions.get(toKey(reference))?.spec.annotations, queueNames);
  return new DeadLetterBox({ queue, home: namespaces.home, marks, queueOf });
}

/** Adds the routes; without a queue they answer 404. */
export function registerDeadLetterRoutes(app: SystemApp, context: SystemContext): void {
  registerReads(app, context);
  registerSingle(app, context);
  registerMany(app, context);
}

function registerReads(app: SystemApp, context: SystemContext): void {
  const list = {
    ...operation("GetDeadLetters", "queue", "List dead letters of a namespace, the newest first"),
    querystring: ListQuery,
    response: { 200: Type.Array(DeadLetterSummary) },
  };
  app.get("/async/dead-letters", { schema: list }, (request, reply) =>
    askQueue(context, async (queue) => {
      const { letters, next } = await toLetterBox(context, queue).list({
        ...readFilter(context, request.query),
        limit: readLimit(request.query),
        before: readPlace(request.query.before),
      });
      linkNext(request, reply, { name: "before", place: next });
      return letters;
    }),
  );
  const show = {
    ...operation("GetDeadLetter", "queue", "Show a dead letter"),
    params: Params,
    response: { 200: DeadLetterDetail },
  };
  app.get("/async/dead-letters/:sequence", { schema: show }, (request) =>
    askQueue(context, async (queue) => {
      const letter = await find(context, request, { queue, right: "read" });
      return toDetail(letter, context.namespaces.home);
    }),
  );
}

function registerSingle(app: SystemApp, context: SystemContext): void {
  const redrive = {
    ...operation("RedriveDeadLetter", "queue", "Queue a dead letter's call or callback again"),
    params: Params,
    response: { 202: RedrivenLetter },
  };
  app.post("/async/dead-letters/:sequence/redrive", { schema: redrive }, async (request, reply) => {
    const redriven = await askQueue(context, async (queue) => {
      const letter = await find(context, request, { queue, right: "write" });
      return toLetterBox(context, queue).redrive(letter);
    });
    return reply.code(202).send(redriven);
  });
  const remove = {
    ...operation("DeleteDeadLetter", "queue", "Delete a dead letter"),
    params: Params,
    response: { 204: Done },
  };
  app.delete("/async/dead-letters/:sequence", { schema: remove }, async (request, reply) => {
    await askQueue(context, async (queue) => {
      const letter = await find(context, request, { queue, right: "write" });
      await toLetterBox(context, queue).remove(letter);
    });
    return reply.code(204).send();
  });
}

function registerMany(app: SystemApp, context: SystemContext): void {
  const redrive = {
    ...operation("RedriveDeadLetters", "queue", "Queue dead letters again, the oldest first"),
    querystring: RedriveQuery,
    response: { 200: RedriveResult },
  };
  app.post("/async/dead-letters/redrive", { schema: redrive }, (request) =>
    askQueue(context, async (queue) => {
      const { before, after } = request.query;
      const filter = readFilter(context, request.query);
      request.target = toTarget(filter);
      return toLetterBox(context, queue).redriveAll({
        ...filter,
        limit: readLimit(request.query),
        before: readPlace(before),
        after: readPlace(after) ?? 0,
      });
    }),
  );
  const purge = {
    ...operation("PurgeDeadLetters", "queue", "Delete dead letters of a namespace or function"),
    querystring: PurgeQuery,
    response: { 200: PurgeResult },
  };
  app.delete("/async/dead-letters", { schema: purge }, (request) =>
    askQueue(context, (queue) => {
      const filter = readFilter(context, request.query);
      request.target = toTarget(filter);
      const before = readPlace(request.query.before);
      return toLetterBox(context, queue).purge({ ...filter, before });
    }),
  );
}

async function find(
  context: SystemContext,
  request: FastifyRequest,
  { queue, right }: { queue: AsyncPublisher; right: "read" | "write" },
): Promise<ReadMessage> {
  const missing = failures.deadLetterNotFound();
  const { sequence } = request.params as { sequence: string };
  const number = Number(sequence);
  const letter = number === 0 ? undefined : await toLetterBox(context, queue).find(number);
  if (letter === undefined) {
    throw new HttpError(missing);
  }
  const { home } = context.namespaces;
  const { namespace, functionName = "*" } = ownerOf(letter, home);
  requireRight(request, right, { namespace, missing });
  request.target = toTarget({ namespace, functionName });
  return letter;
}

/** For the audit log. */
function toTarget({ functionName = "*", namespace }: CallFilter): string {
  return `${functionName}.${namespace}`;
}
