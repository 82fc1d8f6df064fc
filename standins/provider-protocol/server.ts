/** The gRPC server of a provider plugin: from the engine's calls to a `Provider` and back. */
import * as grpc from "@grpc/grpc-js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { toImplementation } from "./methods.ts";
import type { Provider } from "./provider.ts";

/** Larger than gRPC's default, as property maps may contain whole bundles of functions. */
const MESSAGE_BYTES_MAX = 400 * 1024 * 1024;
/** Interval at which the plugin checks that its engine is still running, milliseconds. */
const PARENT_POLL_MS = 500;
/** Time for calls in flight to finish after the engine has ended, milliseconds. */
const GRACE_MS = 3000;

export interface ServerHandle {
  port: number;
  /** Aborts all calls and stops listening. */
  close(): void;
}

/**
 * Listens on a free loopback port.
 * @throws Error when no port can be bound
 */
export async function listen(provider: Provider): Promise<ServerHandle> {
  const server = new grpc.Server({
    "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
    "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
  });
  const cancellation = new AbortController();
  server.addService(providerGrpc.ResourceProviderService, toImplementation(provider, cancellation));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    port,
    close() {
      cancellation.abort(new Error("the plugin was told to stop"));
      server.forceShutdown();
    },
  };
}

/**
 * Runs the plugin as a process: prints the port on standard output as the engine expects it, and
 * ends with the engine or on a signal. Standard output belongs to the protocol from here on.
 */
export async function serve(provider: Provider): Promise<void> {
  const handle = await listen(provider);
  const end = (): void => {
    handle.close();
    setTimeout(() => process.exit(0), GRACE_MS).unref();
  };
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
  endWithParent(end);
  // Last, as the engine may use and stop the plugin as soon as it has read the port.
  process.stdout.write(`${String(handle.port)}\n`);
}

/** Ends the plugin when its engine was killed, which sends no signal. */
function endWithParent(end: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) {
      return;
    }
    clearInterval(timer);
    end();
  }, PARENT_POLL_MS);
  timer.unref();
}
