/** What a request that did not give a file means: try again, try elsewhere, or neither. */
import type { Dispatcher } from "undici";
import { toCode, toMessage } from "../errors.ts";
import { toRetryAfter } from "./attempts.ts";

export interface Failure {
  /**
   * `refusal`: as on a network that does not let the host through. `outage`: as of a host or a line
   * that is out of order for a while. `final`: the host's own last word about this file.
   */
  kind: "refusal" | "outage" | "final";
  /** Whether it was the host that said so. */
  isAnswer: boolean;
  /** A few words. */
  reason: string;
  /** The pause that the server asks for, milliseconds; 0 for none. */
  retryAfter: number;
}

/** A download, a part of one, and the answer that the part begins beyond the file's end. */
const ANSWERS = [200, 206, 416];
/** Too slow, too early, too many, and the ways to be out of order. */
const OUTAGES = [408, 425, 429, 500, 502, 503, 504];
/** Statuses with which a proxy or a firewall turns away everything on a host. */
const HOST_REFUSALS = [401, 403, 407, 451, 511];
/** A connection that was there and broke. */
const BROKEN = ["ECONNRESET", "ECONNABORTED", "EPIPE", "UND_ERR_SOCKET"];

/** What an answer means that is not a redirect; nothing for one with content. */
export function toStatusFailure(
  { statusCode, headers }: Pick<Dispatcher.ResponseData, "statusCode" | "headers">,
  { isMirror }: { isMirror: boolean },
): Failure | undefined {
  if (ANSWERS.includes(statusCode)) {
    return undefined;
  }
  const reason = `answers HTTP ${statusCode}`;
  const retryAfter = toRetryAfter(headers["retry-after"]);
  if (OUTAGES.includes(statusCode)) {
    return { kind: "outage", isAnswer: true, reason, retryAfter };
  }
  // A mirror speaks for itself: it may have one file and not another.
  return !isMirror && HOST_REFUSALS.includes(statusCode)
    ? { kind: "refusal", isAnswer: false, reason, retryAfter: 0 }
    : { kind: "final", isAnswer: true, reason, retryAfter: 0 };
}

/** What it means that there was no answer. */
export function toConnectionFailure(error: unknown): Failure {
  // A name with several addresses gives one error for each.
  const [cause = error] = (error as { errors?: unknown[] }).errors ?? [];
  const code = toCode(cause) ?? "";
  const kind = BROKEN.includes(code) ? "outage" : "refusal";
  return { kind, isAnswer: false, reason: toReason(code, cause), retryAfter: 0 };
}

const REASONS: Record<string, string> = {
  ENOTFOUND: "its name is unknown",
  EAI_AGAIN: "its name cannot be looked up",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  UND_ERR_SOCKET: "connection closed",
  UND_ERR_CONNECT_TIMEOUT: "no connection in time",
  UND_ERR_HEADERS_TIMEOUT: "no answer in time",
};

/** A few words for the many ways in which a connection fails. */
function toReason(code: string, cause: unknown): string {
  const message = toMessage(cause);
  const [, status] = /^Proxy response \((\d+)\)/.exec(message) ?? [];
  if (status !== undefined) {
    return `the proxy answers HTTP ${status}`;
  }
  return REASONS[code] ?? (code === "" ? message : `${code}: ${message}`);
}
