/** Calls of functions from the page. */
import { ApiError } from "./http.ts";
import type { FunctionReference } from "./types.ts";

export interface Call extends FunctionReference {
  method: string;
  /** What follows the function's name: path and query, with or without a first slash. */
  path: string;
  headers: readonly (readonly [string, string])[];
  /** Empty: none is sent. */
  contentType: string;
  body: string;
  isAsync: boolean;
  /** Only for asynchronous calls; empty: nobody is called back. */
  callbackUrl: string;
}

export interface Answer {
  status: number;
  statusText: string;
  headers: readonly (readonly [string, string])[];
  /** From the first byte sent to the last byte received. */
  milliseconds: number;
  body: Uint8Array<ArrayBuffer>;
}

/** Path of a function on this gateway. */
export function functionPath(
  { name, namespace }: FunctionReference,
  { isAsync = false, path = "" } = {},
): string {
  const rest = path === "" || /^[/?]/.test(path) ? path : `/${path}`;
  return `/${isAsync ? "async-function" : "function"}/${name}.${namespace}${rest}`;
}

/**
 * Makes a call. Never with the credentials that the browser has for this page: a function that
 * asked for them would get the administrator's password.
 */
export async function invoke(call: Call, signal: AbortSignal): Promise<Answer> {
  const begin = performance.now();
  const response = await fetch(functionPath(call, call), toRequest(call, signal)).catch(
    (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw signal.aborted ? error : new ApiError(0, "NO_ANSWER", `There is no answer: ${reason}.`);
    },
  );
  const body = new Uint8Array(await response.arrayBuffer());
  return {
    status: response.status,
    statusText: response.statusText,
    headers: [...response.headers],
    milliseconds: performance.now() - begin,
    body,
  };
}

function toRequest(call: Call, signal: AbortSignal): RequestInit {
  const headers = new Headers(call.headers.map(([name, value]) => [name, value]));
  if (call.contentType !== "") {
    headers.set("content-type", call.contentType);
  }
  if (call.isAsync && call.callbackUrl !== "") {
    headers.set("x-callback-url", call.callbackUrl);
  }
  const hasBody = !["GET", "HEAD"].includes(call.method) && call.body !== "";
  return {
    method: call.method,
    headers,
    credentials: "omit",
    redirect: "manual",
    cache: "no-store",
    signal,
    // Bytes rather than text, to which the browser would add a content type.
    ...(hasBody && { body: new TextEncoder().encode(call.body) }),
  };
}
