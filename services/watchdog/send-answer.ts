/** Sends what a handler answers. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Call, setDuration } from "./call.ts";

export interface Answer {
  status: number;
  /** A later one takes the place of an earlier one of the same name. */
  headers: readonly [name: string, value: string | string[]][];
  body: string | Uint8Array | Readable;
}

/** Resolves when all of it is sent; rejects where a stream breaks off. */
export async function sendAnswer(call: Call, { status, headers, body }: Answer): Promise<void> {
  const { request, response } = call;
  if (response.destroyed || response.headersSent) {
    discard(body);
    return;
  }
  for (const [name, value] of headers) {
    response.setHeader(name, value);
  }
  setDuration(call);
  response.statusCode = status;
  if (!(body instanceof Readable)) {
    response.end(body);
  } else if (request.method === "HEAD") {
    discard(body);
    response.end();
  } else {
    // Headers are sent at once, as the first piece of a stream may come much later.
    response.flushHeaders();
    await pipeline(body, response);
  }
}

function discard(body: Answer["body"]): void {
  if (body instanceof Readable) {
    // That nobody reads it is no failure.
    body.on("error", () => undefined).destroy();
  }
}
