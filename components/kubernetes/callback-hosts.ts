/** Hosts that callbacks may reach although they are not public. */
import { isIP } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import { DNS_NAME, isMatch, quote } from "../../contract/index.ts";
import { ArgumentChecks, ArgumentError } from "../errors.ts";

/** Refuses what is no host, as far as the entries are known. */
export function checkHosts(field: string, hosts: readonly pulumi.Input<string>[] = []): void {
  hosts.forEach((host, index) => {
    if (typeof host === "string") {
      checkHost(`${field}[${index}]`, host);
    }
  });
}

/** The variable that gateway and queue-worker read; none where there are no entries. */
export function toAllowed(
  checks: ArgumentChecks,
  field: string,
  hosts: readonly pulumi.Input<string>[] = [],
): { callback_allow?: pulumi.Output<string> } {
  const checked = hosts.map((host, index) =>
    checks.apply(host, (known) => checkHost(`${field}[${index}]`, known)),
  );
  return checked.length === 0
    ? {}
    : { callback_allow: pulumi.all(checked).apply((known) => known.join(",")) };
}

function checkHost(field: string, host: string): string {
  if (isRange(host) || isMatch(DNS_NAME, host.replace(/^\*\./, "").toLowerCase())) {
    return host;
  }
  throw new ArgumentError(
    `${field}: expected an address, a range (10.0.0.0/8) or a host name, got ${quote(host)}`,
  );
}

/** An address, or those that begin with the same bits. */
function isRange(text: string): boolean {
  const [address = "", bits, ...others] = text.split("/");
  const version = isIP(address);
  if (version === 0 || bits === undefined) {
    return version !== 0;
  }
  const most = version === 4 ? 32 : 128;
  return others.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= most;
}
