/** The one server of both sides: calls take the short way, the rest goes to Fastify. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { condemn, isCondemned } from "./client-errors.ts";
import type { GatewayConfig } from "./config.ts";
import { enqueue, type EnqueueContext } from "./enqueue.ts";
import { invoke, type InvokeContext } from "./invoke.ts";
import { cleanPath, PREFIX, splitTarget } from "./paths.ts";
import { sendBadRequest, sendExpectationFailed, sendMoved } from "./plain.ts";
import { findViolation, isUpgrade } from "./strictness.ts";
import { upgrade } from "./upgrade.ts";

/** What a front server passes on to calls, queued calls and upgrades. */
export type FrontContext = InvokeContext & EnqueueContext;

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Builds the server; it listens to nothing. `system` answers whatever is no call. */
export function createFrontServer(
  config: GatewayConfig,
  context: FrontContext,
  system: Handler,
): Server {
  const server = createServer({
    requestTimeout: config.readTimeoutMs,
    headersTimeout: Math.min(config.readTimeoutMs, 60_000),
    keepAliveTimeout: 75_000,
    maxHeaderSize: 64 * 1024,
    shouldUpgradeCallback: isUpgrade,
  });
  // A connection is silent while a cold function starts, and that is no fault of the caller.
  server.timeout = config.writeTimeoutMs + (config.scaleFromZero?.timeoutMs ?? 0);
  server.on("request", (request, response) => route({ context, request, response, system }));
  server.on("checkContinue", (request, response) => {
    // Who has sent its body without waiting needs no encouragement, and gets it at the wrong place.
    if (response.socket !== null && !isCondemned(request.socket)) {
      response.writeContinue();
    }
    route({ context, request, response, system });
  });
  server.on("checkExpectation", (request, response) => {
    condemn(request.socket);
    sendExpectationFailed(response);
  });
  server.on("upgrade", (request, socket, head) => upgrade(context, { request, socket, head }));
  return server;
}

interface Routing {
  context: FrontContext;
  request: IncomingMessage;
  response: ServerResponse;
  system: Handler;
}

function route({ context, request, response, system }: Routing): void {
  // Node hands over pipelined requests before the answer that ends their connection is out.
  if (isCondemned(request.socket)) {
    return;
  }
  const violation = findViolation(request);
  const target = splitTarget(request.url ?? "/");
  if (violation !== undefined || target === undefined) {
    condemn(request.socket);
    sendBadRequest(response, violation ?? "target: expected a path or a URL");
    return;
  }
  const cleaned = cleanPath(target.path);
  if (cleaned !== target.path) {
    sendMoved(response, `${cleaned}${target.query}`);
  } else if (cleaned.startsWith(PREFIX.sync)) {
    invoke(context, { request, response, target });
  } else if (cleaned.startsWith(PREFIX.async)) {
    enqueue(context, { request, response, target });
  } else {
    request.url = `${cleaned}${target.query}`;
    system(request, response);
  }
}
