/** What must hold for every connection, whatever came over it. */
import { type Answer, type Answers, readAnswers } from "./answers.ts";
import { CANARY } from "./corpus/credentials.ts";
import type { Outcome } from "./drive.ts";
import {
  type Entry,
  entryOf,
  FUNCTIONS,
  isHandshake,
  isLetIn,
  pathOf,
  toExpectedCall,
  toExpectedMessage,
} from "./entries.ts";
import type { SeenMessage } from "./recording-queue.ts";
import {
  framingOf,
  readRequests,
  type StrictRequest,
  type StrictRequests,
  tokensOf,
  valuesOf,
} from "./strict-request.ts";
import { echoOf, type Seen } from "./upstream.ts";

/** Header of the answer to a call that was accepted before. */
const REPLAYED = "idempotency-replayed";

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
  /** Requests that functions saw. */
  seen: readonly Seen[];
  /** Calls that were published to the queue. */
  queued: readonly SeenMessage[];
  /** `host:port` of the upstream. */
  authority: string;
}

/** Whether a request with its path as it was sent is a call of a function. */
export function isCall({ request }: Seen): boolean {
  return /^(?:https?:\/\/[^/?]*)?\/function\/(?:[xy]|constructor)(?:\.openfaas-fn)?(?:[/?]|$)/i.test(
    request.target,
  );
}

/** Why a request is none that the client has sent; undefined when it is. */
function findForgery(seen: Seen, sent: readonly StrictRequest[]): string | undefined {
  const { method, target, body } = seen.request;
  const origin = sent.find((request) => {
    const expected = toExpectedCall(request);
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
  const callers = strict.requests.filter((request) => toExpectedCall(request) !== undefined);
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

/** The bytes that a function saw over an upgraded connection are those behind the handshake. */
function checkTunnels({ seen, sent }: Evidence): string | undefined {
  const tunnels = seen.flatMap(({ tunnel }) => (tunnel === undefined ? [] : [tunnel]));
  if (tunnels.length > 1) {
    return `upgrade: ${tunnels.length} over one connection`;
  }
  return tunnels.every((tunnel) => sent.includes(`\r\n\r\n${tunnel}`))
    ? undefined
    : "upgrade: the function saw bytes that nobody sent so";
}

/** What is in the queue is what somebody sent, whole. */
function checkQueue({ queued }: Evidence, { requests, whole }: StrictRequests): string | undefined {
  const sent = requests.slice(0, whole);
  const stranger = queued.find(
    ({ calledAs, method, path, query, body }) =>
      !sent.some((request) => {
        const expected = toExpectedMessage(request);
        const name = calledAs.replace(/\.openfaas-fn$/, "");
        const hasBody = typeof body === "number" ? request.body.length : request.body;
        return (
          expected?.name === name &&
          expected.method === method &&
          expected.rest === path &&
          expected.query.slice(1) === query &&
          hasBody === body
        );
      }),
  );
  if (stranger !== undefined) {
    const { method, calledAs, path, query } = stranger;
    return `queue: got ${method} ${calledAs} ${path} ${query}, which nobody sent so`;
  }
  const callers = sent.filter((request) => toExpectedMessage(request) !== undefined);
  return queued.length > callers.length
    ? `queue: got ${queued.length} calls, at most ${callers.length} were sent`
    : undefined;
}

/** Whether nobody but who has credentials may ask it. */
function isClosed(request: StrictRequest): boolean {
  return /^\/(?:system|async)(?:[/?]|$)/.test(pathOf(request));
}

function checkSystem(
  received: string,
  answers: readonly Answer[],
  { requests }: StrictRequests,
): string {
  if (received.includes(CANARY) && !requests.some(isLetIn)) {
    return "system: answered without credentials";
  }
  const index = requests.findIndex(
    (request, at) => isClosed(request) && !isLetIn(request) && (answers[at]?.status ?? 400) < 300,
  );
  return index === -1 ? "" : `system: status ${answers[index]?.status} without credentials`;
}

function checkPairs(answers: readonly Answer[], { requests }: StrictRequests): string {
  for (const [index, answer] of answers.entries()) {
    const request = requests[index];
    if (valuesOf(answer, "x-upstream").length === 0) {
      continue;
    }
    const expected = request === undefined ? undefined : toExpectedCall(request);
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

/** Whether an answer says that a call is in the queue. */
function isAccepted(request: StrictRequest | undefined, answer: Answer): boolean {
  return answer.status === 202 && request !== undefined && entryOf(request) === "async";
}

/** 202 means that a call is in the queue; 101, that a function has agreed to a handshake. */
function checkPromises(
  evidence: Evidence,
  { answers, end }: Answers,
  strict: StrictRequests,
): string {
  const { requests } = strict;
  const { queued, seen } = evidence;
  const lost = answers.findIndex(({ status }, at) => {
    const request = requests[at];
    return status === 202 && !(request !== undefined && isAsked(request));
  });
  if (lost !== -1) {
    return `answer ${lost}: 202 to what is no call of the queue`;
  }
  const accepted = answers.filter((answer, at) => isAccepted(requests[at], answer)).length;
  if (accepted > queued.length) {
    return `queue: ${accepted} calls accepted, ${queued.length} queued`;
  }
  const handshake = requests[answers.length];
  const isAgreed = seen.some(({ tunnel }) => tunnel !== undefined);
  return end !== "tunnel" || (isAgreed && handshake !== undefined && isHandshake(handshake))
    ? ""
    : "upgrade: 101 without a handshake that the function has agreed to";
}

const FAULTS: readonly number[] = [500, 502, 503, 504];

/** The guards around each entry answer so where something of ours has thrown. */
function checkGuards(answers: readonly Answer[], { requests }: StrictRequests): string {
  const index = answers.findIndex(({ status }, at) => {
    const request = requests[at];
    if (request === undefined || (isClosed(request) && isLetIn(request))) {
      // Kubernetes' errors are 500, too.
      return status === 500 && request === undefined;
    }
    const name = toExpectedMessage(request)?.name ?? "";
    const isThere = toExpectedCall(request) !== undefined || FUNCTIONS.includes(name);
    return isThere ? FAULTS.includes(status) : status === 500;
  });
  return index === -1 ? "" : `answer ${index}: ${answers[index]?.status}, a fault of the gateway's`;
}

function isAsked(request: StrictRequest): boolean {
  return toExpectedMessage(request) !== undefined || (isClosed(request) && isLetIn(request));
}

const ENDINGS = {
  stuck: "connection: neither answered nor closed in time",
  refused: "connection: refused",
} as const;

function checkAnswers(evidence: Evidence, read: Answers, strict: StrictRequests): string {
  const { outcome, sent } = evidence;
  const { received, ending } = outcome;
  const { end, reason } = read;
  if (ending === "stuck" || ending === "refused") {
    return ENDINGS[ending];
  }
  if (end === "malformed") {
    return `answer: malformed (${reason})`;
  }
  const isCutShort = end === "incomplete" && ending === "server";
  if (isCutShort && !/^HEAD /m.test(sent)) {
    return "answer: cut short";
  }
  return checkContents(received, { read, strict }) || checkPromises(evidence, read, strict);
}

function checkContents(
  received: string,
  { read: { answers }, strict }: { read: Answers; strict: StrictRequests },
): string {
  if (answers.length > strict.requests.length + 1) {
    return `answers: got ${answers.length} to ${strict.requests.length} requests`;
  }
  return (
    checkSystem(received, answers, strict) ||
    checkGuards(answers, strict) ||
    checkPairs(answers, strict)
  );
}

/** What came of one connection. */
export interface Verdict {
  /** The first breach, in words; undefined when all is well. */
  breach: string | undefined;
  /** The entries that were asked. */
  entries: ReadonlySet<Entry>;
  /** Asynchronous calls that were answered 202, and those of them that are new in the queue. */
  accepted: number;
  stored: number;
  /** Whether it was answered 101. */
  isUpgraded: boolean;
  /** Requests with the administrator's credentials, and those that REST answered with 2xx. */
  letIn: number;
  managed: number;
}

/** Whatever is sent behind a handshake that was answered 101 is no request. */
function beforeTunnel(strict: StrictRequests, { answers, end }: Answers): StrictRequests {
  const count = answers.length + 1;
  return end === "tunnel" && count < strict.requests.length
    ? { requests: strict.requests.slice(0, count), whole: count, end: "closed" }
    : strict;
}

/** Judges what came of one connection. */
export function judge(evidence: Evidence): Verdict {
  const all = readRequests(evidence.sent);
  const methods = all.requests.map(({ method }) => method);
  const read = readAnswers(evidence.outcome.received, methods);
  const strict = beforeTunnel(all, read);
  const { requests } = strict;
  const { answers } = read;
  const accepted = answers.filter((answer, at) => isAccepted(requests[at], answer));
  const breach =
    checkUpstream(evidence, strict) ??
    checkTunnels(evidence) ??
    checkQueue(evidence, strict) ??
    (checkAnswers(evidence, read, strict) || undefined);
  const managed = requests.filter((request, at) => {
    const status = answers[at]?.status ?? 400;
    return isClosed(request) && isLetIn(request) && status < 300;
  });
  return {
    breach,
    entries: new Set(requests.map(entryOf)),
    accepted: accepted.length,
    stored: accepted.filter((answer) => valuesOf(answer, REPLAYED).length === 0).length,
    isUpgraded: read.end === "tunnel",
    letIn: requests.filter(isLetIn).length,
    managed: managed.length,
  };
}
