/** Who may call a private function: the question that the invocation path asks before each call. */
import type { IncomingMessage } from "node:http";
import type { FunctionResource } from "../../contract/index.ts";
import type { Failure } from "../errors.ts";

/** The check of one call; asked for private functions only, so that public ones pay nothing. */
export interface CallGuard {
  /** Undefined when the caller may call the function, otherwise what to answer. Never throws. */
  check(
    request: IncomingMessage,
    resource: FunctionResource,
  ): Failure | undefined | Promise<Failure | undefined>;
}
