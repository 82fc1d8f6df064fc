/**
 * Faults of the gateway's own in a real process, which imports this first: an answer that is begun
 * with the header `x-fault` has the method of that name fail wherever it is called from then on.
 */
import { type OutgoingHttpHeader, ServerResponse } from "node:http";

const writeHead = Reflect.get(ServerResponse.prototype, "writeHead");

function fail(): never {
  throw new TypeError("a fault of ours");
}

function writeFaultyHead(this: ServerResponse, ...parts: unknown[]): unknown {
  const headers = parts.find((part) => Array.isArray(part)) as OutgoingHttpHeader[] | undefined;
  const at = headers?.findIndex((name) => String(name).toLowerCase() === "x-fault") ?? -1;
  const result: unknown = Reflect.apply(writeHead, this, parts);
  if (at >= 0) {
    Object.defineProperty(this, String(headers?.[at + 1]), { value: fail });
  }
  return result;
}

Object.assign(ServerResponse.prototype, { writeHead: writeFaultyHead });
