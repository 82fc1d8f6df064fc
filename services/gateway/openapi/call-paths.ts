/** Paths that are no routes of Fastify: calls of functions, and the port of the metrics. */
import { FUNCTION_TARGETS_PATH, PORT } from "../../contract/index.ts";
import { operation, type TAGS } from "../routes/operation.ts";
import type { Operation, Parameter, Paths, Response } from "./types.ts";

/** OpenFaaS' document has POST alone; its id is kept, the others are named after it. */
const METHODS = {
  get: "InvokeFunctionGet",
  head: "InvokeFunctionHead",
  post: "InvokeFunction",
  put: "InvokeFunctionPut",
  patch: "InvokeFunctionPatch",
  delete: "InvokeFunctionDelete",
  options: "InvokeFunctionOptions",
} as const;

const ANY_BODY = { required: false, content: { "*/*": { schema: {} } } };

const NAME: Parameter = {
  name: "name",
  in: "path",
  required: true,
  description: "`name` or `name.namespace`",
  schema: { type: "string", pattern: "^[-a-zA-Z0-9_.]+$" },
};

const CALL_HEADERS = {
  "X-Call-Id": {
    description: "The caller's own, or a new UUID",
    schema: { type: "string" },
  },
  "X-Start-Time": {
    description: "When the gateway had the call: Unix time, nanoseconds",
    schema: { type: "string", pattern: "^[0-9]+$" },
  },
  "X-Served-By": { schema: { type: "string" } },
} as const;

const CALL_FAILURES: Record<string, string> = {
  "400": "The request is malformed",
  "401": "The function is private: a token is missing or not valid",
  "403": "The function is private: the token does not allow to call it",
  "404": "There is no such function",
  "429": "The function takes no more calls at present",
  "502": "The function's pod could not be reached, or broke the connection off",
  "503": "There is no ready pod, or too many calls wait for one",
  "504": "The function did not answer in time",
};

/** The paths; failures are completed with their bodies by whoever puts the document together. */
export function describeCalls(fail: (description: string) => Response): Paths {
  const failures = Object.fromEntries(
    Object.entries(CALL_FAILURES).map(([status, text]) => [status, fail(text)]),
  );
  return {
    "/function/{name}": {
      description:
        "Calls a function. What follows the name, `/function/{name}/any/path?query`, is the " +
        "function's own, as are method, headers and body. Upgrades (WebSocket) pass too.",
      parameters: [NAME],
      ...Object.fromEntries(
        Object.entries(METHODS).map(([method, id]) => [method, describeCall(method, id, failures)]),
      ),
    },
    "/async-function/{name}": {
      parameters: [NAME],
      post: describeQueuedCall(failures, fail),
    },
  };
}

function describeCall(
  method: string,
  operationId: string,
  failures: Record<string, Response>,
): Operation {
  const answer = { description: "Whatever the function answers", headers: CALL_HEADERS };
  return {
    ...head("calls", operationId, "Call a function and wait for its answer"),
    ...(["post", "put", "patch"].includes(method) && { requestBody: ANY_BODY }),
    responses: { ...failures, default: { ...answer, content: { "*/*": { schema: {} } } } },
  };
}

function describeQueuedCall(
  failures: Record<string, Response>,
  fail: (description: string) => Response,
): Operation {
  const { "400": malformed, "404": missing } = failures;
  return {
    ...head("calls", "InvokeAsync", "Queue a call of a function"),
    description: "There is no such path where the platform has no queue.",
    parameters: [
      {
        name: "X-Callback-Url",
        in: "header",
        description: "Where the answer is posted to",
        schema: { type: "string", format: "uri" },
      },
    ],
    requestBody: ANY_BODY,
    responses: {
      "202": { description: "Queued", headers: CALL_HEADERS },
      ...(malformed !== undefined && { "400": malformed }),
      ...(missing !== undefined && { "404": missing }),
      "413": fail("The call is larger than the queue takes"),
      "503": fail("The queue cannot be reached"),
    },
  };
}

function head(
  tag: keyof typeof TAGS,
  id: string,
  summary: string,
): Pick<Operation, "operationId" | "tags" | "summary" | "security"> {
  return { ...operation(id, tag, summary), security: [] };
}

/** The paths of the metrics port, which is for inside of the cluster. */
export function describeMetricsPort(): Paths {
  const servers = [{ url: `http://gateway.openfaas:${PORT.gatewayMetrics}` }];
  const text = { "text/plain": { schema: { type: "string" } } } as const;
  const targets = { type: "array", items: { type: "object" } } as const;
  const get = (id: string, summary: string, responses: Operation["responses"]): Operation => ({
    ...head("internal", id, summary),
    responses,
  });
  return {
    "/metrics": {
      servers,
      get: get("GetMetrics", "Prometheus' metrics", {
        "200": { description: "Prometheus' text format", content: text },
      }),
    },
    "/readyz": {
      servers,
      get: get("GetReadiness", "Say whether this gateway may get calls", {
        "200": { description: "Ready", content: text },
        "503": { description: "Not ready, and why", content: text },
      }),
    },
    [FUNCTION_TARGETS_PATH]: {
      servers,
      get: get("GetFunctionTargets", "List the pods of functions for Prometheus", {
        "200": {
          description: "Prometheus' HTTP service discovery",
          content: { "application/json": { schema: targets } },
        },
      }),
    },
  };
}
