/** What the gateway's API takes and answers. */
export type {
  AsyncCall,
  DeadLetterSummary,
  FunctionDeployment,
  FunctionDescription,
  FunctionStats,
  LogMessage,
  QueueStatus,
  StoreDocument,
  StoreFunction,
} from "../../../../../contract/index.ts";

/** A function's place. */
export interface FunctionReference {
  name: string;
  namespace: string;
}

export interface SecretReference {
  name: string;
  namespace: string;
}
