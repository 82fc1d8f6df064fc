/**
 * Finds requests that two servers could read differently (RFC 9112 §11.2). Node's parser refuses
 * most of them. Here the rest is refused: what a proxy before or behind it reads in another way.
 */
import type { IncomingMessage } from "node:http";

/**
 * Origin form, or absolute form without user information. In absolute form the path may be missing.
 * Escapes must be complete, and none may be a NUL.
 */
const TARGET =
  /^(?:https?:\/\/(?:[-\w.~]+|\[[\da-f:.]+\])(?::\d{1,5})?(?=\/|$))?(?:\/(?:[!"$&->@-~]|%(?!00)[\da-f]{2})*)?(?:\?[!"$-~]*)?$/i;

/** `uri-host [":" port]` (RFC 9110 §7.2), without empty labels inside. */
const HOST =
  /^(?!.*\.\.)(?:[-\w.~!$&'()*+,;=]|%[\da-f]{2})+(?::\d{0,5})?$|^\[[\da-f:.]+\](?::\d{0,5})?$/i;

/** Not every server can handle more digits. */
const LENGTH = /^\d{1,15}$/;

/** Names that are allowed in trailers. Go refuses others, and those that define the framing. */
const TRAILER = /^(?!(?:transfer-encoding|trailer|content-length)$)[-\w!#$%&'*+.^`|~]*$/i;

/** Headers that nginx refuses when they are repeated. */
const UNIQUE = [
  ...["authorization", "content-range", "expect", "if-match", "if-modified-since"],
  ...["if-none-match", "if-range", "if-unmodified-since"],
];

/** RFC 6455 §4.2.1 requires servers to check it, and haproxy does. */
const WEB_SOCKET_KEY = /^[a-z\d+/]{22}==$/i;

/** Why a request must be refused, as `part: expectation`; undefined if it is valid. */
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
  return isOtherHost(request) ? "Host: expected the one of the target, got another one" : undefined;
}

/** Whether Host differs from an absolute target, which has precedence (RFC 9112 §3.2.2). */
function isOtherHost({ url = "", headers }: IncomingMessage): boolean {
  if (url.startsWith("/") || headers.host === undefined) {
    return false;
  }
  const [, scheme = "", authority] = /^(https?):\/\/([^/?]*)/i.exec(url) ?? [];
  const port = scheme.length === "https".length ? /:(?:443)?$/ : /:(?:80)?$/;
  const normalize = (text: string): string => text.toLowerCase().replace(port, "");
  return authority !== undefined && normalize(authority) !== normalize(headers.host);
}

/** Servers differ in which of these close the connection after the request. */
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
  // Go reads only the first one, others read all.
  return countHeaders(rawHeaders, "connection") > 1
    ? "Connection: expected one with HTTP/1.0, got several"
    : undefined;
}

/** HTTP/1.0 has no chunks, no Expect, and no bodies in GET, HEAD and DELETE. */
function findHttp10Violation({ method, headers }: IncomingMessage): string | undefined {
  const { expect } = headers;
  const isBodiless = method === "GET" || method === "HEAD" || method === "DELETE";
  return expect !== undefined || (isBodiless && Number(headers["content-length"] ?? 0) > 0)
    ? "version: expected HTTP/1.1 with Expect or the body of such a request, got HTTP/1.0"
    : undefined;
}

function findFramingViolation(request: IncomingMessage): string | undefined {
  const { headers, httpVersion } = request;
  const violation = httpVersion === "1.0" ? findHttp10Violation(request) : undefined;
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

/** Without chunks there are no trailers, and Trailer is ignored. */
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

/** Whether Expect is exactly `100-continue`, the only value in RFC 9110. */
export function isContinueExpected({ headers }: IncomingMessage): boolean {
  return headers.expect?.toLowerCase() === "100-continue";
}

/** Counts in the raw headers, because Node's `headers` drop repetitions of some of them. */
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
 * Whether a request changes the protocol of its connection. Only a WebSocket handshake does: a GET
 * without a body (RFC 6455 §4.1). `Upgrade` in other requests is ignored (RFC 9110 §7.8).
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
