/** What the API's document says about a route beside its schemas. */

import type {} from "@fastify/swagger";
import { Type } from "typebox";

/** Done, without a body. */
export const Done = Type.Void({ type: "null", description: "Done" });

/** Will be done, without a body. */
export const Accepted = Type.Void({ type: "null", description: "Accepted" });

export const PlainText = { content: { "text/plain": { schema: Type.String() } } };

/** The document's groups, in its order. */
export const TAGS = {
  functions: "Deploy, read and remove functions",
  calls: "Call functions, now or later",
  queue: "Queued calls, and dead letters",
  logs: "What functions print",
  secrets: "Values that functions mount",
  namespaces: "Where functions live",
  store: "Functions to choose from",
  system: "The gateway itself",
  internal: "For the other parts of the platform",
} as const;

export interface Operation {
  operationId: string;
  tags: (keyof typeof TAGS)[];
  summary: string;
}

/** Describes a route; `id` is that of OpenFaaS' own document where the route is there too. */
export function operation(id: string, tag: keyof typeof TAGS, summary: string): Operation {
  return { operationId: id, tags: [tag], summary };
}
