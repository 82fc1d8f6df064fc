/** Paths that are no routes of Fastify: calls of functions, and the port of the metrics. */
import { FUNCTION_SEGMENT } from "../../../contract/grammar.ts";
import { PORT } from "../../../contract/index.ts";
import { operation, type TAGS } from "../system/operation.ts";
import { CALL_FAILURES, QUEUE_FAILURES } from "./responses.ts";
import type { Operation, Parameter, Paths } from "./types.ts";

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
  schema: { type: "string", pattern: FUNCTION_SEGMENT },
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

/** The paths by which functions are called. */
export function describeCalls(): Paths {
  const calls = Object.entries(METHODS).map(([method, id]) => [method, describeCall(method, id)]);
  return {
    "/function/{name}": {
      description:
        "Calls a function. What follows the name, `/function/{name}/any/path?query`, is the " +
        "function's own, as are method, headers and body. Upgrades (WebSocket) pass too.",
      parameters: [NAME],
      ...(Object.fromEntries(calls) as Record<string, Operation>),
    },
    "/async-function/{name}": { parameters: [NAME], post: describeQueuedCall() },
  };
}

function describeCall(method: string, operationId: string): Operation {
  const answer = { description: "Whatever the function answers", headers: CALL_HEADERS };
  return {
    ...head("calls", operationId, "Call a function and wait for its answer"),
    ...(["post", "put", "patch"].includes(method) && { requestBody: ANY_BODY }),
    responses: { ...CALL_FAILURES, default: { ...answer, content: { "*/*": { schema: {} } } } },
  };
}

function describeQueuedCall(): Operation {
  return {
    ...head("calls", "InvokeAsync", "Queue a call of a function"),
    description:
      "There is no such path where the platform has no queue. `Location` says where the call is " +
      "seen and cancelled; `DELETE /async-function/{id}` cancels it, too, as in OpenFaaS Pro.",
    parameters: [
      {
        name: "X-Callback-Url",
        in: "header",
        description: "Where the answer is posted to",
        schema: { type: "string", format: "uri" },
      },
    ],
    requestBody: ANY_BODY,
    responses: { "202": { description: "Queued", headers: CALL_HEADERS }, ...QUEUE_FAILURES },
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
  };
}
