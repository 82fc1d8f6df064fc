/** Classifies failed requests: retry, use another source, or give up. */
import type { Dispatcher } from "undici";
import { toCode, toMessage } from "../errors.ts";
import { toRetryAfter } from "./attempts.ts";

export interface Failure {
  /**
   * `refusal`: the network seems to block the host. `outage`: the host or the connection fails
   * temporarily. `final`: the host will not serve this file.
   */
  kind: "refusal" | "outage" | "final";
  /** Whether the host itself answered. */
  isAnswer: boolean;
  /** A short phrase for messages. */
  reason: string;
  /** The pause that the server asks for, milliseconds; 0 for none. */
  retryAfter: number;
}

/** OK, Partial Content, and Range Not Satisfiable, which a complete partial file gets. */
const ANSWERS = [200, 206, 416];
/** Statuses that a retry may change. */
const OUTAGES = [408, 425, 429, 500, 502, 503, 504];
/** Statuses with which a proxy or a firewall blocks a whole host. */
const HOST_REFUSALS = [401, 403, 407, 451, 511];
/** Errors of a connection that had been established. */
const BROKEN = ["ECONNRESET", "ECONNABORTED", "EPIPE", "UND_ERR_SOCKET"];

/** Classifies a status that is not a redirect; undefined for a response with content. */
export function toStatusFailure(
  { statusCode, headers }: Pick<Dispatcher.ResponseData, "statusCode" | "headers">,
  { isMirror }: { isMirror: boolean },
): Failure | undefined {
  if (ANSWERS.includes(statusCode)) {
    return undefined;
  }
  const reason = `HTTP ${statusCode}`;
  const retryAfter = toRetryAfter(headers["retry-after"]);
  if (OUTAGES.includes(statusCode)) {
    return { kind: "outage", isAnswer: true, reason, retryAfter };
  }
  // A mirror may have one file and not another: its status is about the file, not the host.
  return !isMirror && HOST_REFUSALS.includes(statusCode)
    ? { kind: "refusal", isAnswer: false, reason, retryAfter: 0 }
    : { kind: "final", isAnswer: true, reason, retryAfter: 0 };
}

/** Classifies the error of a request without a response. */
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

/** Describes a connection error in a short phrase. */
function toReason(code: string, cause: unknown): string {
  const message = toMessage(cause);
  const [, status] = /^Proxy response \((\d+)\)/.exec(message) ?? [];
  if (status !== undefined) {
    return `HTTP ${status} from the proxy`;
  }
  return REASONS[code] ?? (code === "" ? message : `${code}: ${message}`);
}
