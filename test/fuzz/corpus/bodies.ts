/** Bodies as clients frame them: whole, in chunks, compressed, and of another length than said. */
import { gzipSync } from "node:zlib";

export interface Framed {
  headers: string[];
  body: string;
}

export function toCounted(body: string): Framed {
  return { headers: [`Content-Length: ${body.length}`], body };
}

/** @param size of each chunk but the last */
export function toChunked(body: string, size = 7): Framed {
  const chunks = body.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
  const lines = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  return { headers: ["Transfer-Encoding: chunked"], body: `${lines.join("")}0\r\n\r\n` };
}

export function toGzip(body: string): Framed {
  const { headers, body: packed } = toCounted(
    gzipSync(Buffer.from(body, "latin1")).toString("latin1"),
  );
  return { headers: ["Content-Encoding: gzip", ...headers], body: packed };
}

/** Says that a body has so many bytes more than it has. */
export function toWrongLength(body: string, more: number): Framed {
  return { headers: [`Content-Length: ${Math.max(0, body.length + more)}`], body };
}
