/** What the gateway answers when it cannot do what was asked, by name. */
import type { Reference, Response } from "./types.ts";

const FAILURE = {
  title: "Failure",
  type: "object",
  required: ["code", "message"],
  properties: {
    code: { type: "string", description: "For programs, e.g. PLONK_FUNCTION_NOT_FOUND" },
    message: { type: "string", description: "One sentence" },
    callId: { type: "string" },
  },
};

/** JSON for clients that accept it by name. */
function fail(description: string, headers?: Response["headers"]): Response {
  return {
    description,
    ...(headers !== undefined && { headers }),
    content: {
      "text/plain": { schema: { type: "string" } },
      "application/json": { schema: FAILURE },
    },
  };
}

const RETRY_AFTER = {
  "Retry-After": { description: "Seconds", schema: { type: "integer", minimum: 0 } },
};

/** `components.responses`. */
export const RESPONSES = {
  BadRequest: fail("The request is not valid"),
  Unauthorized: fail("No credentials, or wrong ones", {
    "WWW-Authenticate": { schema: { type: "string" } },
  }),
  Forbidden: fail("Not allowed to this user"),
  NotFound: fail("There is no such function, secret, namespace, queue, call or dead letter"),
  NotImplemented: fail("The platform was set up without this"),
  Conflict: fail("It exists already, or something else manages it"),
  Over: fail("It is over already, or no call can be made of it"),
  TooLarge: fail("The body is too large"),
  CodingNotTaken: fail("The body's Content-Encoding is not known", {
    "Accept-Encoding": { description: "Those that are taken", schema: { type: "string" } },
  }),
  TooManyLogins: fail("Too many failed logins", RETRY_AFTER),
  InternalError: fail("Something went wrong that is not the client's fault"),
  Unavailable: fail("Something that the gateway needs is not there at present"),
  NoStore: fail("The gateway has no store"),
  StoreFailed: fail("The source of the store gives no store document", RETRY_AFTER),
  StoreUnavailable: fail("The source of the store does not answer", RETRY_AFTER),
  CallMalformed: fail("The request is malformed"),
  CallUnauthorized: fail("The function is private, and there is no valid token"),
  CallForbidden: fail("The function is private, and the token does not allow to call it"),
  FunctionMissing: fail("There is no such function"),
  CallTooLarge: fail("The call is larger than the queue takes"),
  TooManyCalls: fail("The function takes no more calls at present", RETRY_AFTER),
  PodUnreachable: fail("The function's pod could not be reached, or broke the connection off"),
  NotReady: fail("There is no ready pod, too many calls wait, or the queue is away", RETRY_AFTER),
  TimedOut: fail("The function did not answer in time"),
};

type Failures = Record<string, Reference>;

/** A reference to one of the responses. */
function refer(name: keyof typeof RESPONSES): Reference {
  return { $ref: `#/components/responses/${name}` };
}

/** Of everything below `/system/`. */
export const SYSTEM_FAILURES: Failures = {
  "401": refer("Unauthorized"),
  "403": refer("Forbidden"),
  "429": refer("TooManyLogins"),
  "500": refer("InternalError"),
  "503": refer("Unavailable"),
};

/** Where there is something to get wrong in path or query. */
export const PARAMETER_FAILURES: Failures = {
  "400": refer("BadRequest"),
  "404": refer("NotFound"),
};

/** Where there is a body. */
export const BODY_FAILURES: Failures = {
  ...PARAMETER_FAILURES,
  "409": refer("Conflict"),
  "413": refer("TooLarge"),
  "415": refer("CodingNotTaken"),
};

const SINGLE_NAMESPACE: Failures = { "501": refer("NotImplemented") };

/** Of one operation alone, by its id. */
export const OWN_FAILURES: Readonly<Record<string, Failures>> = {
  GetQueue: { "404": refer("NotFound") },
  CancelAsyncCall: { "409": refer("Over") },
  RedriveDeadLetter: { "409": refer("Over") },
  CreateNamespace: SINGLE_NAMESPACE,
  GetNamespace: SINGLE_NAMESPACE,
  UpdateNamespace: SINGLE_NAMESPACE,
  DeleteNamespace: { ...SINGLE_NAMESPACE, "409": refer("Conflict") },
};

/** Of what needs no login, by its path. */
export const PUBLIC_FAILURES: Readonly<Record<string, Failures>> = {
  "/healthz": {},
  "/store": {
    "404": refer("NoStore"),
    "502": refer("StoreFailed"),
    "503": refer("StoreUnavailable"),
  },
};

/** Of a queued call. */
export const QUEUE_FAILURES: Failures = {
  "400": refer("CallMalformed"),
  "401": refer("CallUnauthorized"),
  "403": refer("CallForbidden"),
  "404": refer("FunctionMissing"),
  "413": refer("CallTooLarge"),
  "503": refer("NotReady"),
};

/** Of a call that is answered. */
export const CALL_FAILURES: Failures = {
  "400": refer("CallMalformed"),
  "401": refer("CallUnauthorized"),
  "403": refer("CallForbidden"),
  "404": refer("FunctionMissing"),
  "429": refer("TooManyCalls"),
  "502": refer("PodUnreachable"),
  "503": refer("NotReady"),
  "504": refer("TimedOut"),
};
