/** What must hold for every connection, whatever came over it. */
import { type Answer, readAnswers } from "./answers.ts";
import type { Outcome } from "./drive.ts";
import {
  framingOf,
  readRequests,
  type StrictRequest,
  type StrictRequests,
  tokensOf,
  valuesOf,
} from "./strict-request.ts";
import { echoOf, type Seen } from "./upstream.ts";

/** Functions that exist. */
export const FUNCTIONS = ["x", "y"];

/** A text that only an authorized answer of `/system` contains. */
export const CANARY = "canary-of-the-system";

const HOP_BY_HOP = [
  ...["keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer", "upgrade"],
];

/** Headers that the gateway writes itself, also where the client lists them in Connection. */
const OWN = new Set([
  ...["host", "content-length", "transfer-encoding", "connection", "x-call-id", "x-start-time"],
  ...["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"],
]);

export interface Evidence {
  sent: string;
  outcome: Outcome;
  seen: readonly Seen[];
  /** `host:port` of the upstream. */
  authority: string;
}

/** What a function sees of a request that calls one, by the strictest reading. */
function toExpected(request: StrictRequest): { method: string; target: string } | undefined {
  const path = request.target.replace(/^https?:\/\/[^/?]*/i, "");
  const match = /^\/function\/([-\w.]+)(\/[^?]*)?(\?.*)?$/.exec(path);
  const name = (match?.[1] ?? "").replace(/\.openfaas-fn$/, "");
  if (match === null || !FUNCTIONS.includes(name)) {
    return undefined;
  }
  return { method: request.method, target: `${match[2] ?? "/"}${match[3] ?? ""}` };
}

/** Whether a request with its path as it was sent is a call of a function. */
export function isCall({ request }: Seen): boolean {
  return /^(?:https?:\/\/[^/?]*)?\/function\/[xy](?:\.openfaas-fn)?(?:[/?]|$)/i.test(
    request.target,
  );
}

/** Why a request is none that the client has sent; undefined when it is. */
function findForgery(seen: Seen, sent: readonly StrictRequest[]): string | undefined {
  const { method, target, body } = seen.request;
  const origin = sent.find((request) => {
    const expected = toExpected(request);
    const isSame = expected?.method === method && expected.target === target;
    return isSame && (seen.isWhole ? request.body === body : request.body.startsWith(body));
  });
  if (origin === undefined) {
    return `function: saw ${method} ${target}, which nobody sent so`;
  }
  const listed = tokensOf(origin, "connection").filter((name) => !OWN.has(name));
  const leaked = [...listed, ...HOP_BY_HOP].find(
    (name) => valuesOf(seen.request, name).length > 0 && name !== "upgrade",
  );
  return leaked === undefined ? undefined : `function: saw the header ${leaked}`;
}

function checkUpstream(evidence: Evidence, strict: StrictRequests): string | undefined {
  const { seen, authority } = evidence;
  const callers = strict.requests.filter((request) => toExpected(request) !== undefined);
  if (seen.length > callers.length) {
    return `function: saw ${seen.length} requests, at most ${callers.length} were sent`;
  }
  for (const entry of seen) {
    const forgery = findForgery(entry, callers);
    if (forgery !== undefined) {
      return forgery;
    }
    const [host] = valuesOf(entry.request, "host");
    if (host !== authority) {
      return `function: saw the host ${host}`;
    }
    framingOf(entry.request);
  }
  return undefined;
}

function checkSystem(received: string, answers: readonly Answer[], strict: StrictRequests): string {
  if (received.includes(CANARY)) {
    return "system: answered without credentials";
  }
  const index = strict.requests.findIndex(({ target }, at) => {
    const path = target.replace(/^https?:\/\/[^/?]*/i, "");
    return path.startsWith("/system") && (answers[at]?.status ?? 400) < 300;
  });
  return index === -1 ? "" : `system: status ${answers[index]?.status} without credentials`;
}

function checkPairs(answers: readonly Answer[], { requests }: StrictRequests): string {
  for (const [index, answer] of answers.entries()) {
    const request = requests[index];
    if (valuesOf(answer, "x-upstream").length === 0) {
      continue;
    }
    const expected = request === undefined ? undefined : toExpected(request);
    if (expected === undefined) {
      return `answer ${index}: from a function that was not asked`;
    }
    const body = request?.method === "HEAD" ? "" : echoOf(expected.method, expected.target);
    if (answer.body !== body && answer.status === 200) {
      return `answer ${index}: of another request`;
    }
  }
  return "";
}

function checkAnswers({ sent, outcome }: Evidence, strict: StrictRequests): string {
  const { received, ending } = outcome;
  if (ending === "stuck") {
    return "connection: neither answered nor closed in time";
  }
  if (ending === "refused") {
    return "connection: refused";
  }
  const methods = strict.requests.map(({ method }) => method);
  const { answers, end, reason } = readAnswers(received, methods);
  if (end === "malformed") {
    return `answer: malformed (${reason})`;
  }
  const isCutShort = end === "incomplete" && ending === "server";
  if (isCutShort && !/^HEAD /m.test(sent)) {
    return "answer: cut short";
  }
  if (answers.length > strict.requests.length + 1) {
    return `answers: got ${answers.length} to ${strict.requests.length} requests`;
  }
  return checkSystem(received, answers, strict) || checkPairs(answers, strict);
}

/** The first breach, in words; undefined when all is well. */
export function findBreach(evidence: Evidence): string | undefined {
  const strict = readRequests(evidence.sent);
  return checkUpstream(evidence, strict) ?? (checkAnswers(evidence, strict) || undefined);
}
