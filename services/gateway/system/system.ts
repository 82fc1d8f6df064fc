/** The Fastify side of the gateway: `/system` and `/async`, who may use them, and errors. */
import { randomUUID } from "node:crypto";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyRequest,
  type HTTPMethods,
  LogController,
} from "fastify";
import { GatewayInfo } from "../../../contract/index.ts";
import { KubernetesError } from "../../lib/kubernetes.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import { REVISION, VERSION } from "../../lib/version.ts";
import { type Failure, failures, HttpError } from "../errors.ts";
import { replyFailure } from "../http/failure-response.ts";
import { answerClientError } from "../http/guard/index.ts";
import { callIdOf } from "../http/headers.ts";
import { sendMethodNotAllowed, sendPageNotFound } from "../http/text-responses.ts";
import { registerAlertRoute } from "./alert.ts";
import { registerCallRoutes } from "./async-calls.ts";
import { registerResultRoute } from "./async-results.ts";
import { registerDeadLetterRoutes } from "./dead-letters.ts";
import { registerDocsRoutes } from "./docs.ts";
import { registerFunctionRoutes } from "./functions.ts";
import { controlAccess } from "./hooks/access-control.ts";
import { auditChanges } from "./hooks/audit.ts";
import { addSecurityHeaders } from "./hooks/security-headers.ts";
import { readEveryBodyAsJson } from "./json-body.ts";
import { registerLogRoute } from "./logs.ts";
import { registerNamespaceRoutes } from "./namespaces.ts";
import { operation, PlainText } from "./operation.ts";
import { registerSecretRoutes } from "./secrets.ts";
import { registerStatsRoutes } from "./stats.ts";
import { registerStoreRoutes } from "./store.ts";
import type { SystemApp, SystemContext } from "./types.ts";
import { registerUiRoutes } from "./ui.ts";
import { toValidationError } from "./validation-message.ts";

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "arm64" };

/** Largest body of an administrative request, bytes: etcd's limit for one object. */
const BODY_LIMIT = 1536 * 1024;

/** Builds the application; it listens to nothing. */
export async function createSystemApp(context: SystemContext): Promise<SystemApp> {
  const loggerInstance: FastifyBaseLogger = context.logger;
  const app: SystemApp = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    serverFactory: context.serverFactory,
    clientErrorHandler: answerClientError,
    exposeHeadRoutes: false,
    genReqId: ({ headers }) => callIdOf(headers) ?? randomUUID(),
    // Which names there are is the routes' business, not the router's.
    routerOptions: { maxParamLength: 64 * 1024 },
    frameworkErrors: (error, _request, reply) => {
      const { statusCode = 400, code, message } = error;
      replyFailure(reply, { status: statusCode, code, message });
    },
    // With `verbose`, findings hold the value that `toValidationError` shows.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, verbose: true } },
    schemaErrorFormatter: toValidationError,
  }).withTypeProvider<TypeBoxTypeProvider>();
  // Response schemas are for the API's document and for the compiler; they drop no fields.
  app.setSerializerCompiler(() => JSON.stringify);
  readEveryBodyAsJson(app);
  answerErrors(app, context.logger);
  await addSecurityHeaders(app);
  auditChanges(app, context);
  controlAccess(app, context);
  const allowed = collectMethods(app);
  app.addHook("onRoute", (route) => context.onRoute?.(route));
  registerFunctionRoutes(app, context);
  registerSecretRoutes(app, context);
  registerLogRoute(app, context);
  registerNamespaceRoutes(app, context);
  registerAlertRoute(app, context);
  registerStatsRoutes(app, context);
  registerCallRoutes(app, context);
  registerResultRoute(app, context);
  registerDeadLetterRoutes(app, context);
  registerStoreRoutes(app, context);
  registerInfoRoutes(app);
  registerUiRoutes(app, context);
  registerDocsRoutes(app, context);
  refuseOtherMethods(app, allowed);
  return app;
}

function answerErrors(app: SystemApp, logger: Logger): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const failure = toFailure(error);
    if (failure.status >= 500) {
      logger.error({ method: request.method, path: pathOf(request), err: error }, "request failed");
    }
    return replyFailure(reply, failure);
  });
  app.setNotFoundHandler((_request, reply) => {
    reply.hijack();
    sendPageNotFound(reply.raw);
  });
}

function toFailure(error: FastifyError): Failure {
  if (error instanceof HttpError) {
    return error.failure;
  }
  const message = messageOf(error);
  return error instanceof KubernetesError
    ? failures.kubernetes(toOwnStatus(error.status), message)
    : { status: error.statusCode ?? 500, code: error.code, message };
}

/** The API server's own answer on an object is the caller's business, its other errors are not. */
function toOwnStatus(status: number): number {
  if (status === 422) {
    return 400;
  }
  return [400, 404, 409].includes(status) ? status : 500;
}

function pathOf(request: FastifyRequest): string {
  return request.url.split("?", 1)[0] ?? "";
}

function collectMethods(app: SystemApp): Map<string, Set<string>> {
  const allowed = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    const methods = allowed.get(url) ?? new Set();
    [method].flat().forEach((name) => methods.add(name));
    allowed.set(url, methods);
  });
  return allowed;
}

const METHODS: HTTPMethods[] = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "QUERY",
];

function refuseOtherMethods(app: SystemApp, allowed: Map<string, Set<string>>): void {
  for (const [url, methods] of [...allowed]) {
    const list = [...methods].sort().join(", ");
    app.route({
      method: METHODS.filter((method) => !methods.has(method)),
      url,
      schema: { hide: true },
      config: { isRefusal: true },
      // As a hook it comes before anything that the method's body could have wrong.
      onRequest: (_request, reply) => {
        reply.hijack();
        sendMethodNotAllowed(reply.raw, list);
      },
      handler: () => undefined,
    });
  }
}

function registerInfoRoutes(app: SystemApp): void {
  const version = { sha: REVISION, release: VERSION };
  const info = {
    ...operation("GetSystemInfo", "system", "Say what this gateway is"),
    response: { 200: GatewayInfo },
  };
  app.get("/system/info", { schema: info }, () => ({
    provider: { provider: "plonk", version, orchestration: "kubernetes" },
    version,
    arch: ARCHITECTURES[process.arch] ?? process.arch,
  }));
  const health = {
    ...operation("GetHealth", "system", "Say whether the gateway is up"),
    response: { 200: PlainText },
  };
  app.get("/healthz", { schema: health }, async (_request, reply) =>
    reply.type("text/plain; charset=utf-8").send("OK"),
  );
}
