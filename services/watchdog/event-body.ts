/** Reads a request's body, and converts it to `event.body` by its content type. */
import type { IncomingMessage } from "node:http";
import { CallError } from "./call.ts";
import { collect } from "./collect.ts";
import { decodeBody } from "./decode-body.ts";

/**
 * Reads the whole body, decoded. Throws a CallError: 413 beyond `limit` bytes, as it came or
 * decoded, and what `decodeBody` throws.
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const isTooLarge = Number(request.headers["content-length"] ?? 0) > limit;
  const pieces = isTooLarge ? undefined : await collect(decodeBody(request), limit);
  if (pieces === undefined) {
    throw new CallError(413, `Request body larger than ${limit} bytes`, true);
  }
  return Buffer.concat(pieces);
}

/**
 * The value of `event.body`: JSON parsed, forms as an object, other text as a string, the rest as
 * a Buffer. Throws a CallError with status 400 for invalid JSON.
 */
export function parseBody(body: Buffer, contentType: string | undefined): unknown {
  const type = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (isJson(type)) {
    return parseJson(body);
  }
  if (type === "application/x-www-form-urlencoded") {
    return parseForm(body.toString());
  }
  return isText(type) ? body.toString() : body;
}

function isJson(type: string): boolean {
  return type === "application/json" || type.endsWith("+json");
}

function isText(type: string): boolean {
  return type === "" || type.startsWith("text/") || /[/+](xml|yaml|x-yaml|javascript)$/.test(type);
}

function parseJson(body: Buffer): unknown {
  if (body.length === 0) {
    return "";
  }
  try {
    // JSON has no byte order mark, and some who write it have (RFC 8259 §8.1 lets it be ignored).
    return JSON.parse(body.toString().replace(/^\ufeff/, "")) as unknown;
  } catch {
    throw new CallError(400, "Request body is not valid JSON");
  }
}

/**
 * A form as an object. `curl -d text` sends every text as a form: without any `=` it stays a
 * string.
 */
function parseForm(text: string): unknown {
  return text.includes("=") ? collectParameters(new URLSearchParams(text)) : text;
}

/** Parameters as an object; repeated ones as arrays. */
export function collectParameters(parameters: URLSearchParams): Record<string, string | string[]> {
  const names = new Set(parameters.keys());
  // fromEntries defines own properties, so that a parameter named __proto__ is harmless.
  return Object.fromEntries(
    Array.from(names, (name) => {
      const values = parameters.getAll(name);
      return [name, values.length === 1 ? (values[0] ?? "") : values];
    }),
  );
}
