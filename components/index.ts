/** The public surface of the package. */
export { Architecture, type ImageArchives, type ImageArtifact } from "../contract/artifacts.ts";
export type { FunctionContext, FunctionEvent, FunctionHandler } from "../contract/index.ts";
export {
  type Cluster,
  type ClusterCapabilities,
  type ImageDelivery,
  ImageDeliveryMode,
  type PreloadTarget,
} from "./cluster/cluster.ts";
export {
  type ClusterReference,
  type ExistingCapabilities,
  ExistingCluster,
  type ExistingClusterArgs,
} from "./cluster/existing-cluster.ts";
export type { HostConnection, SshConnection } from "./cluster/host.ts";
export {
  Egress,
  HostNetwork,
  type K3sBinary,
  type K3sClusterArgs,
  type K3sHost,
} from "./cluster/k3s-args.ts";
export { K3sCluster } from "./cluster/k3s-cluster.ts";
export * from "./function/args.ts";
export * from "./function/callback-function.ts";
export type { FunctionNodes } from "./function/create.ts";
export { readEnvironmentFile } from "./function/environment-file.ts";
export * from "./function/function.ts";
export * from "./function/function-secret.ts";
export {
  type ExportedPlatform,
  platformFromStack,
  type PlatformFromStackOptions,
} from "./function/platform-from-stack.ts";
export { StackFile, type StackFileArgs } from "./function/stack-file.ts";
export type { GatewayNodes } from "./gateway/deployment.ts";
export { Gateway } from "./gateway/gateway.ts";
export type {
  GatewayAccess,
  GatewayArgs,
  GatewayImages,
  GatewayIngress,
  GatewayOptions,
  OidcArgs,
  PlatformUser,
} from "./gateway/settings.ts";
export type { ExistingNats, ExistingPrometheus } from "./kubernetes/existing-servers.ts";
export type { PodDefaults, PodOptions } from "./kubernetes/pod-options.ts";
export type { QueueWorkers } from "./kubernetes/queue-workers.ts";
export type { ServerLogin } from "./kubernetes/server-access.ts";
export { Profile } from "./kubernetes/settings.ts";
export type { PlaceArgs } from "./kubernetes/workloads.ts";
export { Monitoring, type MonitoringNodes } from "./monitoring/monitoring.ts";
export type {
  AlertCredentials,
  MetricsArgs,
  MonitoringArgs,
  MonitoringImages,
} from "./monitoring/settings.ts";
export {
  Operator,
  type OperatorArgs,
  type OperatorNodes,
  type OperatorOptions,
} from "./operator/operator.ts";
export type { FunctionProfile, FunctionProfileStrategy } from "./operator/profiles.ts";
export type { PlatformArgs, PlatformImages } from "./platform/args.ts";
export { Platform, type PlatformNodes } from "./platform/platform.ts";
export { Queue, type QueueNodes } from "./queue/queue.ts";
export {
  type QueueArgs,
  type QueueImages,
  type QueueOptions,
  QueueSync,
} from "./queue/settings.ts";
export { ServiceImage, type ServiceImageArgs } from "./service-image.ts";
