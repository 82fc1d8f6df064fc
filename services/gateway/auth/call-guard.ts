/** Who may call a private function: the question that the invocation path asks before each call. */
import type { IncomingMessage } from "node:http";
import { ANNOTATION, type FunctionResource } from "../../../contract/index.ts";
import type { Failure } from "../errors.ts";

/** The check of one call; asked for private functions only, so that public ones pay nothing. */
export interface CallGuard {
  /**
   * Undefined when the caller may call the function, otherwise what to answer. Never throws. It
   * may change the request's headers, so they are read afterwards.
   */
  check(
    request: IncomingMessage,
    resource: FunctionResource,
  ): Failure | undefined | Promise<Failure | undefined>;
}

/** Whether a function is annotated, or labelled, to be called with credentials only. */
export function isPrivate({ spec }: FunctionResource): boolean {
  const value = spec.annotations?.[ANNOTATION.private] ?? spec.labels?.[ANNOTATION.private];
  return value !== undefined && value !== "false";
}
