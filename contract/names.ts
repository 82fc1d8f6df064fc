/**
 * The names and places that several sides share: namespaces, ports, labels, annotations,
 * metrics.
 */

export const NAMESPACE = { platform: "openfaas", functions: "openfaas-fn" } as const;

/** Deployment of the workers that make queued calls. */
export const QUEUE_WORKER = "queue-worker";

/** TCP ports of the platform's Services and of every function pod. */
export const PORT = {
  gateway: 8080,
  gatewayMetrics: 8082,
  gatewayNode: 31112,
  nats: 4222,
  natsMonitor: 8222,
  natsCluster: 6222,
  prometheus: 9090,
  alertmanager: 9093,
  nodeExporter: 9100,
  queueWorkerMetrics: 8081,
  operatorMetrics: 8081,
  /** A function's own HTTP port, as every OpenFaaS image has it. */
  function: 8080,
  /** The watchdog's metrics (of-watchdog: fixed). */
  functionMetrics: 8081,
} as const;

export const LABEL = {
  /** Set on every Deployment, Service, pod and ConfigMap of a function; its value is the name. */
  function: "faas_function",
  scaleMin: "com.openfaas.scale.min",
  scaleMax: "com.openfaas.scale.max",
  scaleFactor: "com.openfaas.scale.factor",
  scaleZero: "com.openfaas.scale.zero",
  scaleZeroDuration: "com.openfaas.scale.zero-duration",
  scaleTarget: "com.openfaas.scale.target",
  scaleTargetProportion: "com.openfaas.scale.target-proportion",
  scaleType: "com.openfaas.scale.type",
  scaleDownWindow: "com.openfaas.scale.down.window",
  /** Most calls of the function in flight at one gateway, waiting ones included; 0: no limit. */
  maxInflight: "plonk/max-inflight",
  /** Longest call, e.g. `90s`; 0: no limit (see timeouts.ts). */
  callTimeout: "plonk/call-timeout",
  /** Longest wait for the first byte of an answer. */
  firstByteTimeout: "plonk/first-byte-timeout",
  /** Longest silence of a stream, and of an upgraded connection. */
  idleTimeout: "plonk/idle-timeout",
  /** On Secrets in the function namespaces that functions may mount. */
  secretManagedBy: "app.kubernetes.io/managed-by",
} as const;

export const ANNOTATION = {
  /** Prefix of what shapes the liveness probe (OpenFaaS), and the start-up probe's path. */
  healthProbe: "com.openfaas.health.http.",
  /** Prefix of what shapes the readiness probe. */
  readyProbe: "com.openfaas.ready.http.",
  /** Most calls that wait for a function without a ready pod, at one gateway. */
  maxWaiting: "plonk/max-waiting",
  /** ServiceAccount that the pods run under (OpenFaaS). */
  serviceAccount: "com.openfaas.serviceaccount",
  /** Origins of pages that may call the function asynchronously: it answers no preflight itself. */
  asyncOrigins: "plonk/async-origins",
  /** When nodes ask for the image: `Always` or `IfNotPresent`. @default by its tag */
  imagePullPolicy: "plonk/image-pull-policy",
  /** User that the pods run as: a number, or `image`, which names one. @default 65532 */
  user: "plonk/user",
  /** On a Function itself: when the REST API asked for new pods last. They have it, too. */
  restartedAt: "plonk/restarted-at",
  /** Prefix of what says how asynchronous calls are repeated (OpenFaaS). */
  retry: "com.openfaas.retry.",
  /** Queue whose workers run the asynchronous calls (OpenFaaS). */
  queue: "com.openfaas.queue",
  /** Profiles that its pods are made by, names with commas between them (OpenFaaS). */
  profile: "com.openfaas.profile",
  /** On a Deployment: the profiles that it was made by, for when one has gone. */
  appliedProfiles: "plonk/applied-profiles",
  /** On a Function that Pulumi manages: lets the REST API change or delete it all the same. */
  allowOverride: "plonk/allow-override",
  /** On a function that only callers with credentials may call; a label of that name does, too. */
  private: "plonk/private",
  /** On a namespace that may hold functions; value "1" (OpenFaaS). */
  functionNamespace: "openfaas",
} as const;

/** What is said of a commit that nobody knows: the sources came without git. */
export const UNKNOWN_REVISION = "unknown";

/** Server-side-apply field managers, one per writer. */
export const FIELD_MANAGER = {
  operator: "plonk-operator",
  gateway: "plonk-gateway",
  /** Prefix of the managers that Pulumi's Kubernetes provider uses, and of those of our stacks. */
  pulumiPrefix: "pulumi-kubernetes",
} as const;

export const CRD = {
  group: "openfaas.com",
  version: "v1",
  kind: "Function",
  plural: "functions",
  apiVersion: "openfaas.com/v1",
  /** On the CustomResourceDefinition itself, so that a foreign OpenFaaS is told from ours. */
  ownerLabel: "app.kubernetes.io/part-of",
  ownerValue: "plonk",
} as const;

/** Default and limits of replicas (OpenFaaS documentation, autoscaling). */
export const SCALE = { min: 1, max: 20, factorPercent: 20, hardMax: 1000 } as const;

/** Where things lie inside a function pod. */
export const FUNCTION_PATHS = {
  /** Mount point of the code ConfigMap. */
  code: "/home/app/function",
  /** Mount point of a function's secrets, one file each. */
  secrets: "/var/openfaas/secrets",
  /** Home directory, unless the function's environment names another: it can be written. */
  home: "/tmp",
} as const;

export const METRIC = {
  invocations: "gateway_function_invocation_total",
  started: "gateway_function_invocation_started",
  seconds: "gateway_functions_seconds",
  serviceCount: "gateway_service_count",
  /** Of OpenFaaS' paid editions. */
  serviceMin: "gateway_service_min",
  serviceReady: "gateway_service_ready_count",
  targetLoad: "gateway_service_target_load",
  inFlight: "gateway_invocation_function_inflight",
} as const;

/** What users and the owners of tokens may be; `docs/authentication.md` says what each may do. */
export const ROLES = ["admin", "deployer", "reader", "alertmanager", "invoke"] as const;
export type RoleName = (typeof ROLES)[number];
