/** The list of functions: what they are, together with how they do. */
import type { FunctionDescription, FunctionReference, FunctionStats } from "../api/types.ts";

export interface Row extends FunctionReference {
  key: string;
  description: FunctionDescription;
  ready: number;
  desired: number;
  /** Undefined where nothing is known about it. */
  stats: FunctionStats | undefined;
  /** Calls per second of late, oldest first. */
  history: readonly number[];
}

/** How many values a row's history has: two minutes at the usual pace. */
export const HISTORY_LENGTH = 40;

export const toKey = ({ name, namespace }: FunctionReference): string => `${namespace}/${name}`;

/** Rows of what the gateway answered; histories grow by one value. */
export function toRows(
  descriptions: readonly FunctionDescription[],
  stats: readonly FunctionStats[],
  before: ReadonlyMap<string, Row>,
): Map<string, Row> {
  const byKey = new Map(stats.map((each) => [toKey(each), each]));
  return new Map(
    descriptions.map((description): [string, Row] => {
      const { name, namespace } = description;
      const key = toKey({ name, namespace });
      const found = byKey.get(key);
      const history = before.get(key)?.history ?? [];
      const row = {
        key,
        name,
        namespace,
        description,
        ready: description.availableReplicas ?? 0,
        desired: description.replicas ?? 0,
        stats: found,
        history: [...history, found?.callsPerSecond ?? 0].slice(-HISTORY_LENGTH),
      };
      return [key, row];
    }),
  );
}

export type Column = "name" | "replicas" | "calls" | "errors" | "p50" | "p95";

export interface Order {
  column: Column;
  isDescending: boolean;
}

/** Rows whose name, namespace or image has every word of the filter, in the order asked for. */
export function selectRows(rows: Iterable<Row>, filter: string, order: Order): Row[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const sign = order.isDescending ? -1 : 1;
  return [...rows]
    .filter(({ name, namespace, description }) => {
      const text = `${name} ${namespace} ${description.image}`.toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort((a, b) => sign * compare(a, b, order.column) || compareText(a.key, b.key));
}

const VALUES: Record<Exclude<Column, "name">, (row: Row) => number> = {
  replicas: ({ desired }) => desired,
  calls: ({ stats }) => stats?.callsPerSecond ?? 0,
  errors: ({ stats }) => (stats?.errorsPerSecond ?? 0) / Math.max(stats?.callsPerSecond ?? 0, 1e-9),
  p50: ({ stats }) => stats?.p50Seconds ?? 0,
  p95: ({ stats }) => stats?.p95Seconds ?? 0,
};

function compare(a: Row, b: Row, column: Column): number {
  return column === "name" ? compareText(a.name, b.name) : VALUES[column](a) - VALUES[column](b);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

export interface Totals {
  functions: number;
  ready: number;
  desired: number;
  callsPerSecond: number;
  errorsPerSecond: number;
}

export function toTotals(rows: Iterable<Row>): Totals {
  const totals = { functions: 0, ready: 0, desired: 0, callsPerSecond: 0, errorsPerSecond: 0 };
  for (const { ready, desired, stats } of rows) {
    totals.functions += 1;
    totals.ready += ready;
    totals.desired += desired;
    totals.callsPerSecond += stats?.callsPerSecond ?? 0;
    totals.errorsPerSecond += stats?.errorsPerSecond ?? 0;
  }
  return totals;
}
