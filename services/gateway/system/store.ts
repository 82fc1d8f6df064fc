/** `/store`: functions to choose from, as `faas-cli store` and the page read them. */
import type { FastifyReply, FastifySchema } from "fastify";
import { STORE, StoreDocument } from "../../../contract/index.ts";
import type { Logger } from "../../lib/logger.ts";
import { failures } from "../errors.ts";
import { hasTag } from "../http/entity-tags.ts";
import { replyFailure } from "../http/failure-response.ts";
import { operation } from "./operation.ts";
import { toOwnStore } from "./own-store.ts";
import { RemoteStore } from "./remote-store.ts";
import { type Store, type StoreCopy, toCopy } from "./store-copy.ts";
import type { SystemApp } from "./types.ts";

/** The gateway's own functions, none, or the document at an address. */
export type StoreSource = typeof STORE.own | typeof STORE.off | URL;

export interface StoreContext {
  /** Image that runs the gateway's own functions; without it there are none. */
  runtimeImage: string | undefined;
  logger: Logger;
}

export function createStore(source: StoreSource, { runtimeImage, logger }: StoreContext): Store {
  if (source instanceof URL) {
    return new RemoteStore({ url: source, logger });
  }
  const outcome =
    source === STORE.off ? { failure: failures.noStore() } : toCopy(toOwnStore(runtimeImage));
  return { read: () => Promise.resolve(outcome), close: () => Promise.resolve() };
}

/** Adds the route, which needs no login: clients send no credentials to a store. */
export function registerStoreRoutes(app: SystemApp, { store }: { store: Store }): void {
  const schema: FastifySchema = {
    ...operation(
      "GetStore",
      "store",
      "List functions to choose from, as faas-cli store reads them",
    ),
    response: { 200: StoreDocument },
  };
  const answer = async (_request: unknown, reply: FastifyReply): Promise<FastifyReply> => {
    const outcome = await store.read();
    return "failure" in outcome ? replyFailure(reply, outcome.failure) : sendCopy(outcome, reply);
  };
  app.get("/store", { schema }, answer);
  app.head("/store", { schema: { hide: true } }, answer);
}

function sendCopy({ body, etag }: StoreCopy, reply: FastifyReply): FastifyReply {
  void reply.headers({ "cache-control": "public, max-age=60", etag });
  return hasTag(reply.request.headers, etag)
    ? reply.code(304).send()
    : reply.type("application/json; charset=utf-8").send(body);
}
