/** Lets those call a private function who may, and hides from it how they proved it. */
import type { IncomingMessage } from "node:http";
import { type FunctionReference, type FunctionResource, toKey } from "../../../contract/index.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Failure, failures } from "../errors.ts";
import { PREFIX, splitTarget } from "../http/paths.ts";
import type { TrustedPeers } from "../http/trusted-peers.ts";
import type { Authenticator } from "./authenticator.ts";
import type { CallGuard } from "./call-guard.ts";
import { isAllowed, type Outcome } from "./identity.ts";
import { admit, ADMITTED, isAdmitted } from "./queue-mark.ts";
import { isCrossSite } from "./same-origin.ts";

export interface FunctionGuardOptions {
  /** Undefined: nobody can say who they are, so private functions cannot be called. */
  auth: Authenticator | undefined;
  peers: TrustedPeers;
  logger: Logger;
}

type Verdict = Failure | undefined;

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
   * On success the request has lost its `Authorization` (a function must not get hold of its
   * caller's password), and a call that is to be queued has got its mark.
   */
  check(request: IncomingMessage, { metadata }: FunctionResource): Verdict | Promise<Verdict> {
    const auth = this.#auth;
    if (auth === undefined) {
      return failures.noAuthentication();
    }
    const { name, namespace } = metadata;
    const mark = request.headers[ADMITTED];
    const verdict =
      typeof mark === "string"
        ? this.#checkMark(auth, request, { name, namespace })
        : this.#checkCaller(auth, request, { name, namespace });
    return verdict instanceof Promise
      ? verdict.catch((error: unknown) => this.#fail(error))
      : verdict;
  }

  async #checkMark(
    auth: Authenticator,
    request: IncomingMessage,
    reference: FunctionReference,
  ): Promise<Verdict> {
    const key = await auth.queueKey();
    const mark = String(request.headers[ADMITTED]);
    if (key === undefined || !isAdmitted(key, { functionKey: toKey(reference), mark })) {
      return this.#checkCaller(auth, request, reference);
    }
    removeHeaders(request, ["authorization", ADMITTED]);
    return undefined;
  }

  #checkCaller(
    auth: Authenticator,
    request: IncomingMessage,
    reference: FunctionReference,
  ): Verdict | Promise<Verdict> {
    const { authorization } = request.headers;
    // Browsers attach no bearer tokens by themselves: a page that sends one was given it.
    if (/^basic /i.test(authorization ?? "") && isCrossSite(request.headers)) {
      return failures.crossSite("call a private function with your password");
    }
    const conclude = (outcome: Outcome): Verdict | Promise<Verdict> =>
      this.#conclude(auth, request, { reference, outcome });
    const outcome = auth.identify(authorization, this.#peers.clientAddress(request));
    return outcome instanceof Promise ? outcome.then(conclude) : conclude(outcome);
  }

  #conclude(
    auth: Authenticator,
    request: IncomingMessage,
    { reference, outcome }: { reference: FunctionReference; outcome: Outcome },
  ): Verdict | Promise<Verdict> {
    if ("refusal" in outcome) {
      return outcome.refusal;
    }
    const { name, namespace } = reference;
    if (!isAllowed(outcome.identity, "invoke", { namespace, function: name })) {
      return failures.forbidden(`invoke ${name} in namespace ${namespace}`);
    }
    removeHeaders(request, ["authorization", ADMITTED]);
    const isQueued = splitTarget(request.url ?? "")?.path.startsWith(PREFIX.async) === true;
    return isQueued ? addMark(auth, request, reference) : undefined;
  }

  #fail(error: unknown): Failure {
    this.#logger.error({ err: error }, "private function not checked");
    return failures.checkFailed();
  }
}

async function addMark(
  auth: Authenticator,
  request: IncomingMessage,
  reference: FunctionReference,
): Promise<Verdict> {
  const key = await auth.queueKey();
  if (key === undefined) {
    return failures.noQueueKey();
  }
  const mark = admit(key, toKey(reference));
  request.headers[ADMITTED] = mark;
  request.rawHeaders.push(ADMITTED, mark);
  return undefined;
}

/** Takes headers away in both forms in which Node shows them. */
function removeHeaders(request: IncomingMessage, names: readonly string[]): void {
  const { rawHeaders, headers } = request;
  for (let index = rawHeaders.length - 2; index >= 0; index -= 2) {
    if (names.includes(rawHeaders[index]?.toLowerCase() ?? "")) {
      rawHeaders.splice(index, 2);
    }
  }
  for (const name of names) {
    Reflect.deleteProperty(headers, name);
  }
}
