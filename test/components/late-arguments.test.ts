/** What other resources give: known when these exist, or not yet known in a preview. */
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { ArgumentChecks, ArgumentError } from "../../components/errors.ts";
import { Platform, type PlatformArgs } from "../../components/index.ts";
import { checkPlatform } from "../../components/platform/args.ts";
import { settle } from "./cluster/mocks.ts";
import {
  fakeCluster,
  find,
  IMAGES,
  recordRegistrations,
  type Registration,
  valueOf,
} from "./support/mocks.ts";
import { environmentOf, podOf } from "./support/objects.ts";

/** Every number that may be an output, each another one. */
function toOptions(
  number: (value: number) => pulumi.Input<number>,
): Pick<PlatformArgs, "gateway" | "queue" | "metrics"> {
  return {
    gateway: {
      timeoutSeconds: number(301),
      maxInflight: number(202),
      maxInflightPerFunction: number(203),
      maxWaiting: number(204),
      maxWaitingPerFunction: number(205),
      nodePort: number(31303),
    },
    queue: {
      deadLetterDays: number(2),
      retryHours: number(3),
      workers: {
        max: 2,
        callsPerWorker: number(11),
        maxWaitSeconds: number(12),
        quietSeconds: number(13),
      },
      queues: { slow: { maxInflight: number(14), maxInflightPerFunction: number(15) } },
      maxInflight: number(16),
      maxInflightPerFunction: number(17),
      ackWaitSeconds: number(18),
      drainSeconds: number(25),
      volumeGiB: number(19),
      callbacks: { timeoutSeconds: number(20), retryHours: number(21) },
    },
    metrics: {
      retentionHours: number(22),
      volumeGiB: number(23),
      scrapeIntervalSeconds: number(24),
    },
  };
}

/** What the cluster is told of these numbers. */
const TOLD = {
  gateway: {
    read_timeout: "306s",
    write_timeout: "306s",
    upstream_timeout: "301s",
    max_inflight: "202",
    max_inflight_per_function: "203",
    max_waiting: "204",
    scale_from_zero_queue: "205",
    dead_letter_age: "48h",
    queue_calls_per_worker: "11",
    queue_workers_max_wait: "12s",
    queue_workers_quiet: "13s",
  },
  operator: { upstream_timeout: "301s" },
  "queue-worker": {
    ack_wait: "18s",
    dead_letter_age: "48h",
    max_age: "3h",
    max_inflight: "16",
    max_inflight_per_function: "17",
    drain_timeout: "25s",
    callback_timeout: "20s",
    callback_max_age: "21h",
  },
  "queue-worker-slow": { max_inflight: "14", max_inflight_per_function: "15" },
} as const;

async function declare(
  all: Registration[],
  name: string,
  options: Partial<PlatformArgs>,
): Promise<string[]> {
  new Platform(name, { cluster: fakeCluster(), images: IMAGES, adminPassword: "pw", ...options });
  await settle();
  return all.map((each) => each.name).filter((each) => each.startsWith(`${name}-`));
}

let all: Registration[];

beforeAll(async () => {
  all = recordRegistrations();
  await declare(
    all,
    "p",
    toOptions((value) => pulumi.output(value)),
  );
});

afterAll(() => pulumi.runtime.disconnect());

it.each(Object.entries(TOLD))("reach the environment of %s", (component, told) => {
  expect(environmentOf(all, `p-${component}`)).toMatchObject(told);
});

it("reach volumes, what is written on them, and the time of a pod to stop", () => {
  for (const [component, storage] of Object.entries({ nats: "19Gi", prometheus: "23Gi" })) {
    const resources = { requests: { storage } };
    expect(find(all, `p-${component}-volume`).inputs["spec"]).toMatchObject({ resources });
  }
  const { containers } = podOf(all, "p-prometheus");
  expect(containers[0]?.["args"]).toEqual(
    expect.arrayContaining([
      "--storage.tsdb.retention.time=22h",
      "--storage.tsdb.retention.size=18841MB",
    ]),
  );
  const files = find(all, "p-nats-config").inputs["data"] as Record<string, string>;
  expect(files["nats.conf"]).toContain("max_file_store: 17510MiB\n");
  const { spec } = find(all, "p-queue-worker").inputs as { spec: { template: unknown } };
  expect(spec.template).toMatchObject({ spec: { terminationGracePeriodSeconds: 45 } });
});

it("reach the files of Prometheus, and the port of nodes", () => {
  const files = find(all, "p-prometheus-config").inputs["data"] as Record<string, string>;
  expect(parse(files["prometheus.yml"] ?? "")).toMatchObject({
    global: { scrape_interval: "24s" },
  });
  expect(files["rules.yml"]).toContain("[96s]");
  expect(find(all, "p-gateway-external").inputs["spec"]).toMatchObject({
    ports: [{ nodePort: 31303 }],
  });
});

it("reach the file of NATS and the gateway where they are words", async () => {
  await declare(all, "w", {
    gateway: { callsServices: pulumi.output(true) },
    queue: { sync: pulumi.output("interval" as const) },
  });
  const files = find(all, "w-nats-config").inputs["data"] as Record<string, string>;
  expect(files["nats.conf"]).toContain("sync_interval: 2m\n");
  expect(environmentOf(all, "w-gateway")["direct_functions"]).toBe("true");
});

it("keep no object out of a preview that does not know them yet", async () => {
  const preview = recordRegistrations({ isPreview: true });
  const unknown = pulumi.output(pulumi.unknown) as pulumi.Output<number>;
  const known = await declare(
    preview,
    "k",
    toOptions((value) => value),
  );
  const names = await declare(
    preview,
    "u",
    toOptions(() => unknown),
  );
  expect(names.map((name) => name.slice(1)).sort()).toEqual(
    known.map((name) => name.slice(1)).sort(),
  );
  expect(environmentOf(preview, "k-gateway")).toMatchObject(TOLD.gateway);
  const variables = environmentOf(preview, "u-gateway");
  for (const variable of Object.keys(TOLD.gateway)) {
    expect(variables[variable]).toBe(pulumi.unknown);
  }
});

describe("what turns out to be wrong is refused by the name that it has in Platform", () => {
  const later = (value: unknown): never => pulumi.output<unknown>(value);

  it.each<[string, Partial<PlatformArgs>]>([
    [
      "queue.deadLetterDays: expected a whole number from 1 to 3650, got 4000",
      { queue: { deadLetterDays: later(4000) } },
    ],
    [
      "queue.workers.quietSeconds: expected a whole number from 1, got 0.5",
      { queue: { workers: { max: 1, quietSeconds: later(0.5) } } },
    ],
    [
      "queue.queues.slow.maxInflight: expected a whole number from 1, got 0",
      { queue: { queues: { slow: { maxInflight: Promise.resolve(0) } } } },
    ],
    [
      'queue.callbacks.retryHours: expected a whole number from 1, got "24"',
      { queue: { callbacks: { retryHours: later("24") } } },
    ],
    [
      "metrics.volumeGiB: expected a whole number from 1, got undefined",
      { metrics: { volumeGiB: later(undefined) } },
    ],
    [
      'queue.sync: expected one of always, interval, got "never"',
      { queue: { sync: later("never") } },
    ],
    [
      'gateway.callsServices: expected true or false, got "true"',
      { gateway: { callsServices: later("true") } },
    ],
    [
      'gateway.trustedProxies: expected a list, got "10.0.0.1"',
      { gateway: { trustedProxies: later("10.0.0.1") } },
    ],
    [
      'gateway.store: expected own, off, or an https URL without credentials and query, got "on"',
      { gateway: { store: later("on") } },
    ],
    [
      "queue.callbacks.allow[1]: expected a text, got 1",
      { queue: { callbacks: { allow: later(["10.0.0.1", 1]) } } },
    ],
  ])("%s", async (message, given) => {
    const checks = new ArgumentChecks(new pulumi.ComponentResource("t:i:T", "t"));
    const late: Promise<unknown>[] = [];
    jest.spyOn(checks, "apply").mockImplementation((value, test) => {
      late.push(valueOf(pulumi.output(value)).then((known) => test(known as never)));
      return later(undefined);
    });
    checkPlatform(checks, {
      cluster: fakeCluster(),
      images: IMAGES,
      adminPassword: "pw",
      ...given,
    });
    await expect(Promise.all(late)).rejects.toThrow(new ArgumentError(message));
  });
});
