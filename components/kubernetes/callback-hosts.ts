/** Hosts that callbacks may reach although they are not public. */
import type * as pulumi from "@pulumi/pulumi";
import { findCallbackHostMistake as find } from "../../contract/queue/index.ts";
import { type ArgumentChecks, isLater } from "../errors.ts";
import { checkEntries, type Entries, joinEntries } from "../lists.ts";

/** Returns the hosts; what is none is refused, at once or when it is known. */
export function checkHosts(checks: ArgumentChecks, field: string, hosts: Entries): Entries {
  return checkEntries(checks, { field, find }, hosts);
}

/** The variable that gateway and queue-worker read; none where there are no entries. */
export function toAllowed(hosts: Entries = []): { callback_allow?: pulumi.Output<string> } {
  return isLater(hosts) || hosts.length > 0 ? { callback_allow: joinEntries(hosts) } : {};
}
