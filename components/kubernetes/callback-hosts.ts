/** Hosts that callbacks may reach although they are not public. */
import * as pulumi from "@pulumi/pulumi";
import { findCallbackHostMistake } from "../../contract/queue/index.ts";
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
  const mistake = findCallbackHostMistake(host);
  if (mistake === undefined) {
    return host;
  }
  throw new ArgumentError(`${field}: ${mistake}`);
}
