/** Lets those call a private function who may, and hides from it how they proved it. */
import type { IncomingMessage } from "node:http";
import type { FunctionReference, FunctionResource } from "../../../contract/index.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Failure, failures } from "../errors.ts";
import { removeHeader } from "../http/headers.ts";
import type { TrustedPeers } from "../http/trusted-peers.ts";
import type { Authenticator } from "./authenticator.ts";
import type { CallGuard } from "./call-guard.ts";
import { type Identification, isAllowed } from "./identity.ts";
import { isCrossSite } from "./same-origin.ts";

export interface FunctionGuardOptions {
  /** Undefined: nobody can say who they are, so private functions cannot be called. */
  auth: Authenticator | undefined;
  peers: TrustedPeers;
  logger: Logger;
}

export class FunctionGuard implements CallGuard {
  readonly #auth: Authenticator | undefined;
  readonly #peers: TrustedPeers;
  readonly #logger: Logger;

  constructor({ auth, peers, logger }: FunctionGuardOptions) {
    this.#auth = auth;
    this.#peers = peers;
    this.#logger = logger;
  }

  /**
   * On success the request has lost its `Authorization`: a function must not get hold of its
   * caller's password.
   */
  check(
    request: IncomingMessage,
    { metadata }: FunctionResource,
  ): Failure | undefined | Promise<Failure | undefined> {
    const auth = this.#auth;
    if (auth === undefined) {
      return failures.noAuthentication();
    }
    const { name, namespace } = metadata;
    const failure = this.#checkCaller(auth, request, { name, namespace });
    return failure instanceof Promise
      ? failure.catch((error: unknown) => this.#fail(error))
      : failure;
  }

  #checkCaller(
    auth: Authenticator,
    request: IncomingMessage,
    reference: FunctionReference,
  ): Failure | undefined | Promise<Failure | undefined> {
    const { authorization } = request.headers;
    // Browsers attach no bearer tokens by themselves: a page that sends one was given it.
    if (/^basic /i.test(authorization ?? "") && isCrossSite(request.headers)) {
      return failures.crossSite("call a private function with your password");
    }
    const conclude = (outcome: Identification): Failure | undefined =>
      conclusionOf(request, { reference, outcome });
    const outcome = auth.identify(authorization, this.#peers.clientAddress(request));
    return outcome instanceof Promise ? outcome.then(conclude) : conclude(outcome);
  }

  #fail(error: unknown): Failure {
    this.#logger.error({ err: error }, "private function not checked");
    return failures.checkFailed();
  }
}

function conclusionOf(
  request: IncomingMessage,
  { reference, outcome }: { reference: FunctionReference; outcome: Identification },
): Failure | undefined {
  if ("refusal" in outcome) {
    return outcome.refusal;
  }
  const { name, namespace } = reference;
  if (!isAllowed(outcome.identity, "invoke", { namespace, function: name })) {
    return failures.forbidden(`invoke ${name} in namespace ${namespace}`);
  }
  removeHeader(request, "authorization");
  return undefined;
}
