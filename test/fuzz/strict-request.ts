/**
 * HTTP/1.1 requests by their strictest reading (RFC 9110, RFC 9112): whatever a recipient may
 * refuse is refused, and so is what one of Go, nginx and haproxy refuses. Bytes are latin1 text,
 * one character a byte.
 */
import { MAX_HEAD_BYTES, MAX_HEADERS } from "../../services/gateway/http/guard/head-limits.ts";

/** How large a head may be. */
interface HeadLimits {
  bytes: number;
  headers: number;
  /** Whether the path may lead above the root: the gateway takes the beginning of it away. */
  mayAscend: boolean;
}

/** What a client may send; what a gateway sends on is longer, as it adds headers of its own. */
const CLIENT: HeadLimits = { bytes: MAX_HEAD_BYTES, headers: MAX_HEADERS, mayAscend: false };
const UNLIMITED: HeadLimits = { bytes: Infinity, headers: Infinity, mayAscend: true };

export interface StrictRequest {
  method: string;
  target: string;
  /** Name (as sent) and value, in order. */
  headers: [name: string, value: string][];
  /** As far as it has come. */
  body: string;
  /** Whether the connection goes on after it. */
  isKeptAlive: boolean;
}

export type Reading =
  | { kind: "request"; request: StrictRequest; end: number }
  /** The bytes end too early; `request` is there when its head is whole. */
  | { kind: "incomplete"; request?: StrictRequest }
  /** `request` is there when the head was fine and the body is not. */
  | { kind: "malformed"; reason: string; request?: StrictRequest };

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([^ ]+) HTTP\/1\.([01])$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): *(.*?) *$/;
const VALUE = /^(?!\t)[\t\x20-\x7e\x80-\xff]*(?<!\t)$/;
const HOST = /^(?:[-A-Za-z0-9._~%!$&'()*+,;=]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?$/;
const PATH = /^(?:[!"$&-~]|%[0-9A-Fa-f]{2})*$/;
const FORM = /^(?:https?:\/\/[-A-Za-z0-9.:[\]]+(?!\?))?(\/[^?]*|)(?:\?(.*))?$/i;
const QUERY = /^[!"$-~]*$/;
const CHUNK_LINE = /^([0-9A-Fa-f]{1,15})(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

/** What Go takes of chunk lines and trailers, and of bytes that are no data: bytes. */
const MAX_CHUNK_LINE = 4096;
const MAX_TRAILERS = 4096;
const MAX_NO_DATA = 16 * 1024;

class Malformed extends Error {}

function refuse(reason: string): never {
  throw new Malformed(reason);
}

/** All values of a header, by its lower-case name. */
export function valuesOf(request: Pick<StrictRequest, "headers">, name: string): string[] {
  return request.headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}

/** Lower-case tokens of a header that is a list. */
export function tokensOf(request: Pick<StrictRequest, "headers">, name: string): string[] {
  const parts = valuesOf(request, name).flatMap((value) => value.toLowerCase().split(","));
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

/** Header lines between two offsets, each ended by CR LF. */
export function readHeaderLines(lines: readonly string[]): [string, string][] {
  return lines.map((line) => {
    const [, name, value] = HEADER_LINE.exec(line) ?? refuse(`header line ${JSON.stringify(line)}`);
    if (!VALUE.test(value ?? "")) {
      refuse(`header value of ${name}`);
    }
    return [name ?? "", value ?? ""];
  });
}

function checkTarget(method: string, target: string): void {
  if (method === "CONNECT" || (target === "*" && method === "OPTIONS")) {
    return;
  }
  const parts = FORM.exec(target);
  if (parts === null || target.startsWith("?")) {
    refuse("target form");
  }
  if (!PATH.test(parts[1] ?? "") || !QUERY.test(parts[2] ?? "")) {
    refuse("target characters");
  }
}

/** nginx refuses a path that leads above the root, by whatever spelling. */
function checkDepth(target: string): void {
  const path = target.replace(/^https?:\/\/[^/?]*/i, "").replace(/\?.*$/, "");
  let depth = 0;
  for (const segment of path.replace(/%2e/gi, ".").split(/\/|%2f/i)) {
    if (segment === "..") {
      depth -= 1;
    } else if (segment !== "" && segment !== ".") {
      depth += 1;
    }
    if (depth < 0) {
      refuse("target above the root");
    }
  }
}

/** nginx refuses a second one of these. */
const UNIQUE = [
  ...["authorization", "content-range", "expect", "if-match", "if-modified-since"],
  ...["if-none-match", "if-range", "if-unmodified-since"],
];

function checkUnique(request: StrictRequest): void {
  const name = UNIQUE.find((unique) => valuesOf(request, unique).length > 1);
  if (name !== undefined) {
    refuse(`several ${name}`);
  }
}

/** haproxy refuses a WebSocket without a key of the right length. */
function checkWebSocket(request: StrictRequest): void {
  const protocols = tokensOf(request, "upgrade");
  const isAsked = tokensOf(request, "connection").includes("upgrade");
  if (!isAsked || !protocols.includes("websocket")) {
    return;
  }
  if (!valuesOf(request, "sec-websocket-key").some((key) => key.length === 24)) {
    refuse("WebSocket without a key");
  }
}

/** haproxy refuses another host than the header's; a scheme's own port may be left out. */
function checkAuthority(target: string, host: string | undefined): void {
  const [, scheme = "", authority] = /^(https?):\/\/([^/?]*)/i.exec(target) ?? [];
  const port = scheme.toLowerCase() === "https" ? /:(?:443)?$/ : /:(?:80)?$/;
  const [named, asked] = [authority, host].map((text) => text?.toLowerCase().replace(port, ""));
  if (named !== undefined && asked !== undefined && named !== asked) {
    refuse("two hosts");
  }
}

function checkHost(request: StrictRequest, minor: string): void {
  const hosts = valuesOf(request, "host");
  if (hosts.length > 1 || (hosts.length === 0 && minor === "1")) {
    refuse(`${hosts.length} hosts`);
  }
  if (hosts.some((host) => !HOST.test(host))) {
    refuse("host characters");
  }
  checkAuthority(request.target, hosts[0]);
}

function splitHead(text: string, limits: HeadLimits): [line: string, headers: string[]] {
  const [line = "", ...headers] = text.split("\r\n");
  if (text.length + 4 > limits.bytes || headers.length > limits.headers) {
    refuse("size");
  }
  return [line, headers];
}

function readHead(text: string, limits: HeadLimits): StrictRequest {
  const [line, headerLines] = splitHead(text, limits);
  const [, method = "", target = "", minor = ""] =
    REQUEST_LINE.exec(line) ?? refuse("request line");
  const request: StrictRequest = {
    method,
    target,
    headers: readHeaderLines(headerLines),
    body: "",
    isKeptAlive: true,
  };
  checkTarget(method, target);
  if (!limits.mayAscend) {
    checkDepth(target);
  }
  checkHost(request, minor);
  checkWebSocket(request);
  checkUnique(request);
  if (minor === "0" && valuesOf(request, "transfer-encoding").length > 0) {
    refuse("Transfer-Encoding in HTTP/1.0");
  }
  const has = (option: string): boolean => tokensOf(request, "connection").includes(option);
  request.isKeptAlive = !has("close") && (minor === "1" || has("keep-alive"));
  return request;
}

/** Length of the body, or that it is chunked; throws on what two parties may read apart. */
export function framingOf(request: Pick<StrictRequest, "headers">): number | "chunked" {
  const encodings = valuesOf(request, "transfer-encoding");
  const lengths = valuesOf(request, "content-length");
  if (encodings.length > 0) {
    if (lengths.length > 0) {
      refuse("Content-Length beside Transfer-Encoding");
    }
    if (encodings.length > 1 || encodings[0]?.toLowerCase() !== "chunked") {
      refuse("Transfer-Encoding");
    }
    return "chunked";
  }
  if (lengths.length === 0) {
    return 0;
  }
  if (lengths.length > 1 || !/^\d{1,15}$/.test(lengths[0] ?? "")) {
    refuse("Content-Length");
  }
  return Number(lengths[0]);
}

/** Whoever has the body that is being read: it keeps what came before a fault, too. */
interface Holder {
  body: string;
}

interface ChunkLine {
  size: number;
  /** Where the chunk begins. */
  end: number;
}

function readChunkLine(text: string, offset: number): ChunkLine | undefined {
  const lineEnd = text.indexOf("\n", offset);
  if (lineEnd === -1) {
    return undefined;
  }
  if (text[lineEnd - 1] !== "\r") {
    refuse("bare LF in a chunk line");
  }
  const [, hex = ""] = CHUNK_LINE.exec(text.slice(offset, lineEnd - 1)) ?? refuse("chunk line");
  if (lineEnd + 1 - offset > MAX_CHUNK_LINE) {
    refuse("chunk extensions");
  }
  // haproxy takes no larger ones.
  if (parseInt(hex, 16) >= 2 ** 31) {
    refuse("chunk size");
  }
  return { size: parseInt(hex, 16), end: lineEnd + 1 };
}

/** Reads a chunked body and its trailers; returns their end, undefined when it has not come. */
export function readChunks(text: string, offset: number, holder: Holder): number | undefined {
  let at = offset;
  let noData = 0;
  let isTooMuch = false;
  for (;;) {
    const line = readChunkLine(text, at);
    if (line === undefined) {
      return undefined;
    }
    const { size, end } = line;
    noData = Math.max(0, noData + end - at + 2 - 16 - 2 * size);
    isTooMuch ||= noData > MAX_NO_DATA;
    at = end;
    if (size === 0) {
      // The body may be passed on up to here.
      if (isTooMuch) {
        refuse("chunk extensions");
      }
      return readTrailers(text, at);
    }
    holder.body += text.slice(at, at + size);
    const ending = text.slice(at + size, at + size + 2);
    if (!"\r\n".startsWith(ending)) {
      refuse("chunk end");
    }
    if (ending.length < 2) {
      return undefined;
    }
    at += size + 2;
  }
}

function readTrailers(text: string, offset: number): number | undefined {
  if (text.startsWith("\r\n", offset)) {
    return offset + 2;
  }
  const end = text.indexOf("\r\n\r\n", offset);
  if (end === -1) {
    return undefined;
  }
  if (end + 6 - offset > MAX_TRAILERS) {
    refuse("trailers");
  }
  readHeaderLines(text.slice(offset, end).split("\r\n"));
  return end + 4;
}

function readBody(text: string, offset: number, request: StrictRequest): number | undefined {
  const framing = framingOf(request);
  if (framing === "chunked") {
    return readChunks(text, offset, request);
  }
  request.body = text.slice(offset, offset + framing);
  return request.body.length === framing ? offset + framing : undefined;
}

/** Reads one request at an offset. */
export function readRequest(text: string, offset = 0, limits = UNLIMITED): Reading {
  const headEnd = text.indexOf("\r\n\r\n", offset);
  if (headEnd === -1) {
    return { kind: "incomplete" };
  }
  let request: StrictRequest | undefined;
  try {
    const head = readHead(text.slice(offset, headEnd), limits);
    framingOf(head);
    request = head;
    const end = readBody(text, headEnd + 4, request);
    return end === undefined ? { kind: "incomplete", request } : { kind: "request", request, end };
  } catch (error) {
    if (!(error instanceof Malformed)) {
      throw error;
    }
    const reason = error.message;
    return { kind: "malformed", reason, ...(request !== undefined && { request }) };
  }
}

export interface StrictRequests {
  /** Those whose heads are fine; the last one's body may be cut short. */
  requests: StrictRequest[];
  /** How many of them are whole. */
  whole: number;
  /** How the bytes end. */
  end: "clean" | "closed" | "incomplete" | "malformed";
  reason?: string;
}

/** All requests that a client sends over one connection; none after a close. */
export function readRequests(text: string): StrictRequests {
  const requests: StrictRequest[] = [];
  let [offset, whole] = [0, 0];
  while (offset < text.length) {
    const reading = readRequest(text, offset, CLIENT);
    if (reading.request !== undefined) {
      requests.push(reading.request);
    }
    if (reading.kind !== "request") {
      const reason = reading.kind === "malformed" ? { reason: reading.reason } : {};
      return { requests, whole, end: reading.kind, ...reason };
    }
    [offset, whole] = [reading.end, whole + 1];
    const { isKeptAlive, method } = reading.request;
    if (!isKeptAlive || method === "CONNECT") {
      return { requests, whole, end: "closed" };
    }
  }
  return { requests, whole, end: "clean" };
}
