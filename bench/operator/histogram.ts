/** The operator's own metrics of its reconciliations, as differences between two readings. */

/** What Prometheus' text says of the reconciliations of one controller. */
export interface Reconciles {
  count: number;
  seconds: number;
  /** How many took no longer, by seconds, in ascending order. */
  buckets: readonly (readonly [most: number, count: number])[];
  /** Keys that wait. */
  depth: number;
}

const NAME = "operator_reconcile_duration_seconds";

export function readReconciles(text: string, controller: string): Reconciles {
  const label = `controller="${controller}"`;
  const valueOf = (name: string): number => {
    const line = text.split("\n").find((it) => it.startsWith(`${name}{${label}}`));
    return Number(line?.split(" ").at(-1) ?? 0);
  };
  const buckets = Array.from(
    text.matchAll(new RegExp(`^${NAME}_bucket\\{(.*)\\} (\\d+)$`, "gm")),
    ([, labels = "", count = ""]) => ({ labels, count }),
  )
    .filter(({ labels }) => labels.includes(label))
    .map(({ labels, count }) => {
      const most = /le="([^"]+)"/.exec(labels)?.[1] ?? "";
      return [most === "+Inf" ? Infinity : Number(most), Number(count)] as const;
    });
  return {
    count: valueOf(`${NAME}_count`),
    seconds: valueOf(`${NAME}_sum`),
    buckets: buckets.sort(([a], [b]) => a - b),
    depth: valueOf("operator_workqueue_depth"),
  };
}

/** What came between two readings; the depth is the later one. */
export function subtract(after: Reconciles, before: Reconciles): Reconciles {
  const known = new Map(before.buckets);
  return {
    count: after.count - before.count,
    seconds: after.seconds - before.seconds,
    buckets: after.buckets.map(([most, count]) => [most, count - (known.get(most) ?? 0)]),
    depth: after.depth,
  };
}

/** Milliseconds within which this share was done, as Prometheus estimates it within a bucket. */
export function quantileMs({ count, buckets }: Reconciles, share: number): number {
  const wanted = count * share;
  const index = buckets.findIndex(([, upTo]) => upTo >= wanted);
  const [most, upTo] = buckets[index] ?? [NaN, NaN];
  const [least, before] = buckets[index - 1] ?? [0, 0];
  return most === Infinity
    ? Infinity
    : (least + ((most - least) * (wanted - before)) / (upTo - before)) * 1000;
}
