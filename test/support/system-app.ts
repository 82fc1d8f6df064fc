/** The gateway's own API without a server, whose callers, functions and queue are a test's own. */
import { createServer } from "node:http";
import type { InjectOptions, LightMyRequestResponse } from "fastify";
import type { Authenticator } from "../../services/gateway/auth/authenticator.ts";
import type { Identification, Identity, Role } from "../../services/gateway/auth/identity.ts";
import { unauthorized } from "../../services/gateway/auth/identity.ts";
import { QueueMarks } from "../../services/gateway/auth/queue-marks.ts";
import type { AsyncPublisher } from "../../services/gateway/calls/async-publisher.ts";
import type { FunctionNamespaces } from "../../services/gateway/cluster/namespaces.ts";
import { TrustedPeers } from "../../services/gateway/http/trusted-peers.ts";
import type { FunctionStatsReader } from "../../services/gateway/system/function-stats.ts";
import type { InvocationCounts } from "../../services/gateway/system/invocation-counts.ts";
import { createStore } from "../../services/gateway/system/store.ts";
import { createSystemApp } from "../../services/gateway/system/system.ts";
import type { SystemApp, SystemContext } from "../../services/gateway/system/types.ts";
import { KubernetesClient } from "../../services/lib/kubernetes.ts";
import { FunctionFeed } from "./call-parts.ts";
import { createKeptLog } from "./logs.ts";

/** Namespaces of functions; the first one is the platform's own. */
const NAMESPACES = ["fn", "team"];

/** Callers by their names, which they send as `Authorization`. */
const CALLERS: Readonly<Record<string, Role[]>> = {
  admin: [{ role: "admin" }],
  deployer: [{ role: "deployer", namespace: "fn" }],
  team: [{ role: "deployer", namespace: "team" }],
  reader: [{ role: "reader", namespace: "fn" }],
  caller: [{ role: "invoke", namespace: "fn", function: "f" }],
  alerts: [{ role: "alertmanager" }],
  nobody: [],
};

export class SystemWorld {
  readonly log = createKeptLog();
  readonly functions = new FunctionFeed();
  readonly app: SystemApp;

  private constructor(app: SystemApp, parts: Pick<SystemWorld, "log" | "functions">) {
    this.app = app;
    this.log = parts.log;
    this.functions = parts.functions;
  }

  static async create(changes: Partial<SystemContext> = {}): Promise<SystemWorld> {
    const log = createKeptLog();
    const functions = new FunctionFeed();
    const namespaces = {
      home: "fn",
      has: (name: string) => NAMESPACES.includes(name),
      list: () => NAMESPACES,
      watch: undefined,
    };
    const app = await createSystemApp({
      // Nothing listens there.
      client: new KubernetesClient({ server: "http://127.0.0.1:1" }),
      functions: functions.watch,
      counts: { read: () => Promise.resolve(new Map()) } as unknown as InvocationCounts,
      stats: { read: () => Promise.resolve([]) } as unknown as FunctionStatsReader,
      queue: undefined,
      queueNames: [],
      runtimeImage: undefined,
      store: createStore("own", { runtimeImage: undefined, logger: log.logger }),
      functionNamespace: "fn",
      platformNamespace: "openfaas",
      namespaces: namespaces as unknown as FunctionNamespaces,
      auth: { identify } as unknown as Authenticator,
      marks: new QueueMarks(undefined, log.logger),
      peers: new TrustedPeers(),
      assetsDirectory: "/nowhere",
      logger: log.logger,
      stopping: new AbortController().signal,
      serverFactory: (handler) => createServer(handler),
      ...changes,
    });
    await app.ready();
    return new SystemWorld(app, { log, functions });
  }

  /** Asks by `METHOD /path` as one of the callers. */
  ask(what: string, who = "admin", options: InjectOptions = {}): Promise<LightMyRequestResponse> {
    const [method = "GET", url = "/"] = what.split(" ", 2);
    return this.app.inject({
      method: method as "GET",
      url,
      ...options,
      headers: { accept: "application/json", authorization: who, ...options.headers },
    });
  }

  close(): Promise<void> {
    return this.app.close();
  }
}

/** Status and code of a failure, or the status alone. */
export function outcomeOf({ statusCode, headers }: LightMyRequestResponse): string {
  const code = headers["x-plonk-code"];
  return code === undefined ? String(statusCode) : `${statusCode} ${String(code)}`;
}

/** A queue whose way to its streams is broken. */
export function failingQueue(error: Error): AsyncPublisher {
  return {
    get link(): never {
      throw error;
    },
    status: () => Promise.reject(error),
  } as unknown as AsyncPublisher;
}

function identify(header: string | undefined): Identification {
  const roles = CALLERS[header ?? ""];
  const identity: Identity = { name: header ?? "", roles: roles ?? [] };
  return roles === undefined ? unauthorized("Basic") : { identity };
}
