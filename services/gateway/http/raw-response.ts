/** Heads of answers that are written straight to a connection, past Node's HTTP server. */
import { STATUS_CODES } from "node:http";

/** Status line and headers, with the empty line after them. @param headers - flat */
export function writeHead(status: number, headers: readonly string[]): string {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}`];
  for (let index = 0; index < headers.length; index += 2) {
    lines.push(`${headers[index] ?? ""}: ${headers[index + 1] ?? ""}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}
