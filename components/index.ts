/** The public surface of the package. */
export {
  ImageDeliveryMode,
  type Cluster,
  type ClusterCapabilities,
  type ImageDelivery,
  type PreloadTarget,
} from "./cluster/cluster.ts";
export * from "./function/args.ts";
export * from "./function/callback-function.ts";
export * from "./function/function.ts";
export * from "./function/function-secret.ts";
export {
  Profile,
  type GatewayArgs,
  type MetricsArgs,
  type PlatformArgs,
  type PlatformImages,
  type QueueArgs,
} from "./platform/args.ts";
export { Platform } from "./platform/platform.ts";
