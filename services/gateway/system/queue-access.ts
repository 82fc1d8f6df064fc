/** What the routes of queued calls and of dead letters have in common. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { DNS_LABEL_PART } from "../../../contract/index.ts";
import { MalformedMessageError } from "../../../contract/queue/index.ts";
import { messageOf } from "../../lib/logger.ts";
import { isAllowed } from "../auth/identity.ts";
import {
  type AsyncPublisher,
  MessageTooLargeError,
  QueueFullError,
} from "../calls/async-publisher.ts";
import type { CallFilter } from "../calls/told-states.ts";
import { toNamespace } from "../cluster/namespaces.ts";
import { type Failure, failures, HttpError } from "../errors.ts";
import { readFunction } from "./reference.ts";
import type { SystemContext } from "./types.ts";

/** Most elements of one page, and how many there are where the request does not say. */
const LIMIT = { most: 1000, usual: 100 };

/** A place in a stream, as text. */
const PLACE = "^[0-9]{1,15}$";

export const FilterQuery = {
  function: Type.Optional(
    Type.String({
      // It becomes a part of a subject, where `*` and `>` mean others.
      pattern: `^${DNS_LABEL_PART}([.]${DNS_LABEL_PART})?$`,
      description: "the function's name, or name.namespace; all when absent",
    }),
  ),
  namespace: Type.Optional(Type.String({ description: "the functions' namespace" })),
};

export const LimitQuery = {
  limit: Type.Optional(
    Type.String({
      pattern: "^([1-9][0-9]{0,2}|1000)$",
      description: `a whole number from 1 to ${LIMIT.most}; ${LIMIT.usual} when absent`,
    }),
  ),
};

export const AfterQuery = {
  after: Type.Optional(
    Type.String({ pattern: PLACE, description: "where the last page ended, by its Link header" }),
  ),
};

export const BeforeQuery = {
  before: Type.Optional(
    Type.String({ pattern: PLACE, description: "a number before which the letters are meant" }),
  ),
};

export function readLimit({ limit }: { limit?: string }): number {
  return limit === undefined ? LIMIT.usual : Number(limit);
}

export function readPlace(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/** Which function's, or namespace's. */
export function readFilter(
  context: SystemContext,
  { function: name, namespace }: { function?: string; namespace?: string },
): CallFilter {
  if (name === undefined) {
    return { namespace: toNamespace(context, namespace) };
  }
  const reference = readFunction(context, name, { query: namespace });
  return { namespace: reference.namespace, functionName: reference.name };
}

/** Says by a header (RFC 8288) where the next page is. */
export function linkNext(
  request: FastifyRequest,
  reply: FastifyReply,
  { name, place }: { name: "after" | "before"; place: number | undefined },
): void {
  if (place !== undefined) {
    const [path = "", query = ""] = request.url.split("?", 2);
    const parameters = new URLSearchParams(query);
    parameters.set(name, String(place));
    reply.header("link", `<${path}?${parameters.toString()}>; rel="next"`);
  }
}

/**
 * Asks for a right in the namespace of what was found, and to invoke a function for one of it. Who
 * may not even read there is told what is told where there is nothing.
 */
export function requireRight(
  { identity }: FastifyRequest,
  right: "read" | "write" | "invoke",
  { namespace, name, missing }: { namespace: string; name?: string; missing: Failure },
): void {
  const place = { namespace, ...(name !== undefined && { function: name }) };
  if (identity === undefined || isAllowed(identity, right, place)) {
    return;
  }
  throw new HttpError(
    isAllowed(identity, "read", { namespace })
      ? failures.forbidden(
          `${right} ${name === undefined ? "" : `${name} `}in namespace ${namespace}`,
        )
      : missing,
  );
}

/** Answers what the queue gives; 404 where there is none, and 503 while it is away. */
export async function askQueue<T>(
  { queue, logger }: SystemContext,
  work: (queue: AsyncPublisher) => Promise<T>,
): Promise<T> {
  if (queue === undefined) {
    throw new HttpError(failures.noQueue());
  }
  try {
    return await work(queue);
  } catch (error) {
    if (error instanceof HttpError) {
      throw error;
    }
    if (error instanceof MalformedMessageError || error instanceof MessageTooLargeError) {
      throw new HttpError(failures.conflict(`no call can be made of it: ${error.message}`));
    }
    logger.warn({ reason: messageOf(error) }, "the queue did not do what it was asked");
    throw new HttpError(
      error instanceof QueueFullError ? failures.queueStoreFull() : failures.queueUnavailable(),
    );
  }
}
