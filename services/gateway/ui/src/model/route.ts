/** Where one is on the page, as the address's fragment: reload and the back button keep it. */
import type { FunctionReference } from "../api/types.ts";

export const TABS = ["overview", "invoke", "logs"] as const;
export type Tab = (typeof TABS)[number];

export type Route =
  | { page: "functions"; selected?: FunctionReference & { tab: Tab } }
  | { page: "calls" }
  | { page: "secrets" };

/** Anything unknown leads to the list of functions. */
export function parseRoute(hash: string): Route {
  const [page, namespace, name, tab] = hash.replace(/^#\/?/, "").split("/").map(decode);
  if (page === "calls" || page === "secrets") {
    return { page };
  }
  if (page !== "functions" || !namespace || !name) {
    return { page: "functions" };
  }
  const known = TABS.find((each) => each === tab) ?? "overview";
  return { page, selected: { namespace, name, tab: known } };
}

export function toHash(route: Route): string {
  if (route.page !== "functions" || route.selected === undefined) {
    return `#/${route.page}`;
  }
  const { namespace, name, tab } = route.selected;
  return `#/functions/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/${tab}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
