/** The head of a request as it goes to a function (RFC 9112 §3). */
import { rememberByName } from "../http/known-names.ts";
import { callError } from "./call-error.ts";

/** What follows a head: nothing, so many bytes, or chunks. */
export type BodyFraming = number | "chunked" | undefined;

export interface RequestHead {
  method: string;
  /** Path and query. */
  path: string;
  /** Flat: name, value, name, value. */
  headers: readonly string[];
}

/** Methods and names (RFC 9110 §5.6.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;

const TARGET = /^[\x21-\xff]+$/;

/** Anything that is no field content (RFC 9110 §5.5), or no single byte. */
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** Methods that say nothing with a length of 0 that they would not say without (RFC 9110 §8.6). */
const WITH_BODY = new Set(["POST", "PUT", "PATCH"]);

/** Whether a field is written as it is; those of the framing are written by what is really sent. */
const isWritten = rememberByName((name) => {
  if (!TOKEN.test(name)) {
    throw callError("UPSTREAM_REQUEST", "header: expected a name");
  }
  return !/^(?:host|connection|content-length|transfer-encoding)$/i.test(name);
});

/**
 * The head as text in latin1.
 * @throws when a part of it could be read as something else
 */
export function toRequestText(head: RequestHead, host: string, framing: BodyFraming): string {
  const { method, path, headers } = head;
  if (!TOKEN.test(method) || !TARGET.test(path)) {
    throw callError("UPSTREAM_REQUEST", "request line: expected a method and a target");
  }
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? "";
    const value = headers[index + 1] ?? "";
    if (NO_VALUE.test(value)) {
      throw callError("UPSTREAM_REQUEST", `${name}: expected a value of one line`);
    }
    if (isWritten(name)) {
      text += `${name}: ${value}\r\n`;
    }
  }
  return `${text}${toFramingLine(method, framing)}\r\n`;
}

function toFramingLine(method: string, framing: BodyFraming): string {
  if (framing === "chunked") {
    return "transfer-encoding: chunked\r\n";
  }
  const length = framing ?? (WITH_BODY.has(method) ? 0 : undefined);
  return length === undefined ? "" : `content-length: ${length}\r\n`;
}
