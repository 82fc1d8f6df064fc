/** What the gateway's API takes and answers. */
export type {
  FunctionDeployment,
  FunctionDescription,
  FunctionStats,
  QueueStatus,
} from "../../../../contract/index.ts";

/** A function's place. */
export interface FunctionReference {
  name: string;
  namespace: string;
}

export interface SecretReference {
  name: string;
  namespace: string;
}

/** A line that a function has written. */
export interface LogMessage {
  name: string;
  namespace: string;
  /** Name of the pod. */
  instance: string;
  /** RFC 3339 with nanoseconds. */
  timestamp: string;
  text: string;
}
