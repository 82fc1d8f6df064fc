/**
 * Requests that two parties may read apart. Node's parser refuses most of them; what it lets pass
 * and a proxy behind or before it would take for something else is refused here (RFC 9112 §11.2).
 */
import type { IncomingMessage } from "node:http";

/**
 * Origin form, or absolute form without user information, where only the whole path may be left
 * out; escapes are whole, none is a NUL.
 */
const TARGET =
  /^(?:https?:\/\/(?:[-\w.~]+|\[[\da-f:.]+\])(?::\d{1,5})?(?=\/|$))?(?:\/(?:[!"$&->@-~]|%(?!00)[\da-f]{2})*)?(?:\?[!"$-~]*)?$/i;

/** `uri-host [":" port]` (RFC 9110 §7.2), without empty labels within. */
const HOST =
  /^(?!.*\.\.)(?:[-\w.~!$&'()*+,;=]|%[\da-f]{2})+(?::\d{0,5})?$|^\[[\da-f:.]+\](?::\d{0,5})?$/i;

/** More digits are no length that anybody means, and not every party counts that far. */
const LENGTH = /^\d{1,15}$/;

/** Names that may follow in trailers; Go refuses others, and those that say how long a body is. */
const TRAILER = /^(?!(?:transfer-encoding|trailer|content-length)$)[-\w!#$%&'*+.^`|~]*$/i;

/** Headers of which nginx refuses a second one. */
const UNIQUE = [
  ...["authorization", "content-range", "expect", "if-match", "if-modified-since"],
  ...["if-none-match", "if-range", "if-unmodified-since"],
];

/** RFC 6455 §4.2.1 has servers look at it, and haproxy does. */
const WEB_SOCKET_KEY = /^[a-z\d+/]{22}==$/i;

/** Why a request must not be passed on, as `part: expectation`; undefined when it may be. */
export function findViolation(request: IncomingMessage): string | undefined {
  const { url = "", httpVersionMajor } = request;
  if (httpVersionMajor !== 1) {
    return "version: expected HTTP/1.1 or HTTP/1.0, got another one";
  }
  if (!TARGET.test(url) && url !== "*") {
    return "target: expected a path or an http URL without control characters, got another text";
  }
  return (
    findHostViolation(request) ??
    findConnectionViolation(request) ??
    findFramingViolation(request) ??
    findTrailerViolation(request) ??
    findUpgradeViolation(request) ??
    findRepetition(request)
  );
}

function findHostViolation(request: IncomingMessage): string | undefined {
  const { rawHeaders, headers, httpVersionMinor } = request;
  const hosts = countHeaders(rawHeaders, "host");
  if (hosts > 1 || (hosts === 0 && httpVersionMinor === 1)) {
    return `Host: expected one, got ${hosts}`;
  }
  if (headers.host !== undefined && !HOST.test(headers.host)) {
    return "Host: expected a name or an address, got another text";
  }
  return isAtOdds(request) ? "Host: expected the one of the target, got another one" : undefined;
}

/** An absolute target wins over Host (RFC 9112 §3.2.2); who asks for two means no good. */
function isAtOdds({ url = "", headers }: IncomingMessage): boolean {
  if (url.startsWith("/") || headers.host === undefined) {
    return false;
  }
  const [, scheme = "", authority] = /^(https?):\/\/([^/?]*)/i.exec(url) ?? [];
  const port = scheme.length === "https".length ? /:(?:443)?$/ : /:(?:80)?$/;
  const normalize = (text: string): string => text.toLowerCase().replace(port, "");
  return authority !== undefined && normalize(authority) !== normalize(headers.host);
}

/** What parties take for the last request of its connection, each by another rule. */
function findConnectionViolation(request: IncomingMessage): string | undefined {
  const { headers, rawHeaders, httpVersion } = request;
  const connection = headers.connection?.toLowerCase() ?? "";
  const hasClose = connection.includes("close");
  const isClose = hasClose && connection.split(",").some((option) => option.trim() === "close");
  if (hasClose !== isClose) {
    return "Connection: expected close by itself, got it within another text";
  }
  if (httpVersion === "1.1") {
    return undefined;
  }
  if (isClose && connection.includes("keep-alive")) {
    return "Connection: expected close or keep-alive, got both";
  }
  // Go looks for keep-alive in the first one, others in all.
  return countHeaders(rawHeaders, "connection") > 1
    ? "Connection: expected one with HTTP/1.0, got several"
    : undefined;
}

/** HTTP/1.0 knows neither chunks nor expectations, nor bodies of requests that only ask. */
function findOldViolation({ method, headers }: IncomingMessage): string | undefined {
  const { expect } = headers;
  const isAsking = method === "GET" || method === "HEAD" || method === "DELETE";
  return expect !== undefined || (isAsking && Number(headers["content-length"] ?? 0) > 0)
    ? "version: expected HTTP/1.1 with Expect or the body of such a request, got HTTP/1.0"
    : undefined;
}

function findFramingViolation(request: IncomingMessage): string | undefined {
  const { headers, httpVersion } = request;
  const violation = httpVersion === "1.0" ? findOldViolation(request) : undefined;
  if (violation !== undefined) {
    return violation;
  }
  const encoding = headers["transfer-encoding"];
  if (encoding !== undefined && (httpVersion !== "1.1" || !/^chunked$/i.test(encoding))) {
    return "Transfer-Encoding: expected chunked alone, and HTTP/1.1, got something else";
  }
  const { "content-length": length } = headers;
  return length === undefined || LENGTH.test(length)
    ? undefined
    : "Content-Length: expected at most 15 digits, got something else";
}

/** Without chunks nothing follows, and nobody looks at it. */
function findTrailerViolation({ headers }: IncomingMessage): string | undefined {
  const { "transfer-encoding": encoding, trailer } = headers;
  const isList = trailer?.split(",").every((name) => TRAILER.test(name.trim())) ?? true;
  return encoding === undefined || isList
    ? undefined
    : "Trailer: expected names of headers that may follow, got something else";
}

function findRepetition({ headers, rawHeaders }: IncomingMessage): string | undefined {
  const name = UNIQUE.find(
    (unique) => headers[unique] !== undefined && countHeaders(rawHeaders, unique) > 1,
  );
  return name === undefined ? undefined : `${name}: expected one, got several`;
}

function findUpgradeViolation({ headers }: IncomingMessage): string | undefined {
  const { upgrade, connection = "", "sec-websocket-key": key = "" } = headers;
  if (upgrade === undefined) {
    return undefined;
  }
  if (!/^[\t -+\--~]*$/.test(upgrade)) {
    return "Upgrade: expected the name of one protocol, got another text";
  }
  const isWebSocket = upgrade.toLowerCase() === "websocket" && /\bupgrade\b/i.test(connection);
  return isWebSocket && !WEB_SOCKET_KEY.test(key)
    ? "Sec-WebSocket-Key: expected 16 bytes in base64, got something else"
    : undefined;
}

/** Whether the only thing expected is `100-continue`, said once; RFC 9110 knows no other. */
export function isContinueExpected({ headers }: IncomingMessage): boolean {
  return headers.expect?.toLowerCase() === "100-continue";
}

/** Of some headers Node drops all but one, which its list of raw headers still has. */
function countHeaders(rawHeaders: readonly string[], lowerCaseName: string): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName) {
      count += 1;
    }
  }
  return count;
}

/**
 * Whether a request changes the protocol of its connection. Only a WebSocket does, which is a GET
 * without a body (RFC 6455 §4.1); `Upgrade` in other requests is ignored, as RFC 9110 §7.8 allows.
 */
export function isUpgrade(request: IncomingMessage): boolean {
  const { method, headers } = request;
  return (
    method === "GET" &&
    headers.upgrade?.toLowerCase() === "websocket" &&
    headers["transfer-encoding"] === undefined &&
    Number(headers["content-length"] ?? 0) === 0 &&
    findViolation(request) === undefined
  );
}
