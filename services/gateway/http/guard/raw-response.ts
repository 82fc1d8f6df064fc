/** Heads of answers that are written directly to a socket, without Node's HTTP server. */
import { STATUS_CODES } from "node:http";

/** Status line, headers and the empty line. @param headers - name, value, name, value */
export function writeHead(status: number, headers: readonly string[]): string {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}`];
  for (let index = 0; index < headers.length; index += 2) {
    lines.push(`${headers[index] ?? ""}: ${headers[index + 1] ?? ""}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}
