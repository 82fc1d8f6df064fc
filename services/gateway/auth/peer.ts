/** The address that a request came from, for the audit log and for counting failed logins. */
import type { IncomingMessage } from "node:http";

/** Without the prefix of IPv4 addresses on an IPv6 socket. */
export function peerOf({ socket }: IncomingMessage): string {
  const address = socket.remoteAddress ?? "";
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
