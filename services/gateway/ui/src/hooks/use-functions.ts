/** All functions of the chosen namespaces with their numbers, kept up to date. */
import { useRef } from "preact/hooks";
import { listFunctions, listStats } from "../api/system.ts";
import { type Row, toRows } from "../model/rows.ts";
import { type Polled, usePolling } from "./use-polling.ts";

export function useFunctions(namespaces: readonly string[]): Polled<ReadonlyMap<string, Row>> {
  const before = useRef<ReadonlyMap<string, Row>>(new Map());
  return usePolling(namespaces.join(","), async (signal) => {
    const [descriptions, stats] = await Promise.all([
      Promise.all(namespaces.map((namespace) => listFunctions(namespace, signal))),
      Promise.all(namespaces.map((namespace) => listStats(namespace, signal))),
    ]);
    before.current = toRows(descriptions.flat(), stats.flat(), before.current);
    return before.current;
  });
}
