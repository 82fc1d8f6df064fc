/** Client of the engine's log, whose lines appear on a resource during an operation. */
import * as grpc from "@grpc/grpc-js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import enginePb from "@pulumi/pulumi/proto/engine_pb.js";

type Severity = "debug" | "info" | "warning" | "error";

interface LogLine {
  severity: Severity;
  message: string;
  /** The resource that the line belongs to. */
  urn?: string;
  /** Shown only during the operation. */
  ephemeral?: boolean;
}

const SEVERITY = {
  debug: enginePb.LogSeverity.DEBUG,
  info: enginePb.LogSeverity.INFO,
  warning: enginePb.LogSeverity.WARNING,
  error: enginePb.LogSeverity.ERROR,
} as const;

export interface EngineLog {
  /** Resolves when the engine has the line. A line that cannot be delivered is dropped. */
  log(line: LogLine): Promise<void>;
}

/**
 * Connects to the engine, whose address is the plugin's first argument. Without an address, as when
 * the plugin is started manually, lines are dropped.
 */
export function connectEngine(address: string | undefined): EngineLog {
  if (!address) {
    return { log: () => Promise.resolve() };
  }
  const client = new engineGrpc.EngineClient(address, grpc.credentials.createInsecure());
  return {
    log(line) {
      const request = new enginePb.LogRequest();
      request.setSeverity(SEVERITY[line.severity]);
      request.setMessage(line.message);
      request.setUrn(line.urn ?? "");
      request.setEphemeral(line.ephemeral ?? false);
      return new Promise((resolve) => client.log(request, () => resolve()));
    },
  };
}
