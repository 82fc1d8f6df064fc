/** Answers in the words of Go's HTTP router, which clients of OpenFaaS know. */
import type { ServerResponse } from "node:http";

/** 404 for a path that does not exist. */
export function sendPageNotFound(response: ServerResponse): void {
  const body = "404 page not found\n";
  response
    .writeHead(404, {
      "content-type": "text/plain; charset=utf-8",
      "content-length": body.length,
      "x-content-type-options": "nosniff",
    })
    .end(body);
}

/** 405 with an empty body. */
export function sendMethodNotAllowed(response: ServerResponse, allowed: string): void {
  response.writeHead(405, { allow: allowed, "content-length": 0 }).end();
}

/** 301 to the cleaned path. */
export function sendMoved(response: ServerResponse, location: string): void {
  response.writeHead(301, { location, "content-length": 0 }).end();
}

/** 400 with a sentence; the connection is not used again, as nobody knows where a request ends. */
export function sendBadRequest(response: ServerResponse, message: string): void {
  const body = `${message}\n`;
  response
    .writeHead(400, {
      "content-type": "text/plain; charset=utf-8",
      "content-length": Buffer.byteLength(body),
      "x-content-type-options": "nosniff",
      connection: "close",
    })
    .end(body);
}

/** 417 for an expectation that is not `100-continue`; the body that may follow is not read. */
export function sendExpectationFailed(response: ServerResponse): void {
  response.writeHead(417, { "content-length": 0, connection: "close" }).end();
}
