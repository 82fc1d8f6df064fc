/** What the routes of `/system` are given. */
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyServerFactory,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
  RouteOptions,
} from "fastify";
import type { KubernetesClient } from "../../lib/kubernetes.ts";
import type { Logger } from "../../lib/logger.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import type { QueueMarks } from "../auth/queue-marks.ts";
import type { AsyncPublisher } from "../calls/async-publisher.ts";
import type { FunctionWatch } from "../cluster/functions.ts";
import type { FunctionNamespaces } from "../cluster/namespaces.ts";
import type { TrustedPeers } from "../http/trusted-peers.ts";
import type { FunctionStatsReader } from "./function-stats.ts";
import type { InvocationCounts } from "./invocation-counts.ts";
import type { Store } from "./store-copy.ts";

export interface SystemContext {
  client: KubernetesClient;
  functions: FunctionWatch;
  counts: InvocationCounts;
  stats: FunctionStatsReader;
  /** Undefined: there are no asynchronous calls. */
  queue: AsyncPublisher | undefined;
  /** Queues beside the usual one. */
  queueNames: readonly string[];
  /** Image that runs pasted JavaScript; undefined: there is none. */
  runtimeImage: string | undefined;
  store: Store;
  functionNamespace: string;
  platformNamespace: string;
  namespaces: FunctionNamespaces;
  /** Undefined: everybody may use `/system`. */
  auth: Authenticator | undefined;
  /** Of queued calls of private functions. */
  marks: QueueMarks;
  peers: TrustedPeers;
  /** Folder with the static files of the pages. */
  assetsDirectory: string;
  logger: Logger;
  /** Aborted when the gateway stops: what would go on for ever ends. */
  stopping: AbortSignal;
  serverFactory: FastifyServerFactory;
  /** Hears of each route, before any can be called. */
  onRoute?: ((route: RouteOptions) => void) | undefined;
}

export type SystemApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
