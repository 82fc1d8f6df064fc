/** The one server of both sides: calls take the short way, the rest goes to Fastify. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { parseCallId } from "../../contract/index.ts";
import { endByFault } from "../lib/faults.ts";
import type { Health } from "../lib/health.ts";
import { KEEP_ALIVE_MS, watchConnections } from "../lib/servers.ts";
import { enqueue, type EnqueueContext } from "./calls/enqueue.ts";
import { invoke } from "./calls/invoke.ts";
import { limitReading } from "./calls/read-limit.ts";
import { upgrade, type UpgradeContext } from "./calls/upgrade.ts";
import type { GatewayConfig } from "./config.ts";
import {
  type BadRequest,
  closeConnection,
  CONNECTION,
  findBadBody,
  findBadHead,
  findViolation,
  isClosing,
  isContinueExpected,
  isFree,
  isUpgrade,
  MAX_HEAD_BYTES,
  MAX_HEADERS,
  refuseTunnel,
  send100Continue,
  watchRawRequests,
} from "./http/guard/index.ts";
import { guarded } from "./http/guarded.ts";
import { cleanPath, leadsAboveRoot, PREFIX, splitTarget, type Target } from "./http/paths.ts";
import { sendExpectationFailed, sendMoved, sendRefusal } from "./http/text-responses.ts";

/** What a front server passes on to calls, queued calls and upgrades. */
export interface FrontContext extends UpgradeContext, EnqueueContext {
  health: Health;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** How much later than it should a head may be found to be late. */
const HEAD_CHECK_MS = 1000;

/** Builds the server; it listens to nothing. `system` answers whatever is no call. */
export function createFrontServer(
  config: GatewayConfig,
  context: FrontContext,
  system: Handler,
): Server {
  const server = createServer({
    // Bodies may be streamed for as long as they move: the call clock checks each of them.
    requestTimeout: 0,
    headersTimeout: config.readTimeoutMs === 0 ? 60_000 : Math.min(config.readTimeoutMs, 60_000),
    // Node looks for late heads only every 30 s, unless it is told to.
    connectionsCheckingInterval: HEAD_CHECK_MS,
    // Proxies before the gateway should use less.
    keepAliveTimeout: KEEP_ALIVE_MS,
    ...CONNECTION,
    maxHeaderSize: MAX_HEAD_BYTES,
    shouldUpgradeCallback: mayUpgrade,
    // A missing Host is refused like other violations, and the connection is closed.
    requireHostHeader: false,
  });
  server.maxHeadersCount = MAX_HEADERS;
  watchRawRequests(server);
  watchConnections(server);
  const { logger } = context;
  const onRequest: Handler = (request, response) =>
    guarded({ request, response, logger }, () => route({ context, request, response, system }));
  const onExpectation: Handler = (request, response) =>
    guarded({ request, response, logger }, () => refuseExpectation(request, response));
  server.on("request", onRequest);
  // Where the function does not exist or is busy, the caller need not send its body.
  server.on("checkContinue", (request, response) => {
    const answer = isContinueExpected(request) ? onRequest : onExpectation;
    answer(request, response);
  });
  server.on("checkExpectation", onExpectation);
  server.on("upgrade", (request, socket, head) => {
    upgrade(context, { request, socket, head }).catch((error: unknown) => {
      endByFault(error, () => socket.destroy());
    });
  });
  // Node would close the connection without an answer.
  server.on("connect", (request) => refuseTunnel(request.socket));
  return server;
}

/** Whether the protocol changes. Node's parser asks, and passes on what is thrown. */
function mayUpgrade(request: IncomingMessage): boolean {
  try {
    return isFree(request.socket) && isUpgrade(request) && findBadHead(request) === undefined;
  } catch (error) {
    endByFault(error, () => request.socket.destroy());
    return false;
  }
}

interface Routing {
  context: FrontContext;
  request: IncomingMessage;
  response: ServerResponse;
  system: Handler;
}

/**
 * The target of a valid request. An invalid one is refused here, and its connection is closed: the
 * requests that are pipelined behind it are ignored.
 */
function accept(request: IncomingMessage, response: ServerResponse): Target | undefined {
  if (isClosing(request.socket)) {
    return undefined;
  }
  const target = splitTarget(request.url ?? "/");
  const badRequest = findBadRequest(request, target);
  if (badRequest === undefined && target !== undefined) {
    if (request.headers.upgrade !== undefined) {
      // Node's parser stops at an upgrade, also at one that is not made.
      response.shouldKeepAlive = false;
    }
    return target;
  }
  closeConnection(request.socket);
  sendRefusal(response, badRequest ?? { status: 400, message: "target: expected a path or a URL" });
  return undefined;
}

function findBadRequest(
  request: IncomingMessage,
  target: Target | undefined,
): BadRequest | undefined {
  const message = findViolation(request);
  if (message !== undefined) {
    return { status: 400, message };
  }
  return target !== undefined && leadsAboveRoot(target.path)
    ? { status: 400, message: "target: expected a path that stays below the root" }
    : findBadHead(request);
}

function refuseExpectation(request: IncomingMessage, response: ServerResponse): void {
  closeConnection(request.socket);
  sendExpectationFailed(response);
}

function route(routing: Routing): void {
  const { context, request, response } = routing;
  if (context.health.isStopping) {
    // Its next request goes to another gateway.
    response.shouldKeepAlive = false;
  }
  const target = accept(request, response);
  if (target === undefined) {
    return;
  }
  if (request.method === "TRACE") {
    // Other proxies do not forward it, and close the connection after it.
    closeConnection(request.socket);
    response.shouldKeepAlive = false;
    dispatch(routing, target);
    return;
  }
  if (request.headers["transfer-encoding"] === undefined) {
    dispatch(routing, target);
    return;
  }
  // By then the chunks that arrived with the head are checked, and no function gets invalid ones.
  const dispatchChecked = (): void => {
    const badRequest = findBadBody(request);
    if (badRequest !== undefined) {
      sendRefusal(response, badRequest);
    } else if (request.complete || !isClosing(request.socket)) {
      dispatch(routing, target);
    }
  };
  setImmediate(() => guarded({ request, response, logger: context.logger }, dispatchChecked));
}

function dispatch({ context, request, response, system }: Routing, target: Target): void {
  const cleaned = cleanPath(target.path);
  if (cleaned !== target.path) {
    sendMoved(response, `${cleaned}${target.query}`);
  } else if (cleaned.startsWith(PREFIX.sync)) {
    invoke(context, { request, response, target });
  } else if (cleaned.startsWith(PREFIX.async) && !isCancellation(context, request, cleaned)) {
    enqueue(context, { request, response, target });
  } else {
    request.url = `${cleaned}${target.query}`;
    send100Continue(request, response);
    limitReading(context, { request, response }, []);
    system(request, response);
  }
}

/**
 * Whether a request cancels a call by OpenFaaS Pro's path, `DELETE /async-function/<id>`; what
 * names a function is a call of it.
 */
function isCancellation(
  { states, queue }: FrontContext,
  { method }: IncomingMessage,
  path: string,
): boolean {
  if (method !== "DELETE" || queue === undefined) {
    return false;
  }
  const segment = path.slice(PREFIX.async.length);
  return parseCallId(segment) !== undefined && states.find(segment) === undefined;
}
