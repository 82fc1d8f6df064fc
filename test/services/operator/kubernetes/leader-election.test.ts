/** Who leads, by which clock. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import {
  type ElectionTimes,
  LeaderElection,
} from "../../../../services/operator/kubernetes/leader-election.ts";
import { FakeKubernetes } from "../../../support/fake-kubernetes.ts";
import { createKeptLog, type KeptLog } from "../../../support/logs.ts";
import type { WatchingClient } from "../../../support/watching-client.ts";

let fake: FakeKubernetes;
let client: WatchingClient;
let election: LeaderElection;
let log: KeptLog;

function create(times: ElectionTimes = {}): LeaderElection {
  const { logger } = log;
  const names = { namespace: "openfaas", name: "lease", identity: "one" };
  return new LeaderElection({ client, logger, ...names, ...times });
}

beforeEach(async () => {
  fake = new FakeKubernetes();
  client = await fake.start();
  log = createKeptLog();
  election = create();
  const leading = new Promise<void>((resolve) => election.once("lead", resolve));
  election.start();
  await leading;
  // However long the machine stands still from here on: a lead lasts for ten seconds.
  for (const clock of [performance, Date]) {
    const now = clock.now();
    jest.spyOn(clock, "now").mockReturnValue(now);
  }
});

afterEach(async () => {
  jest.restoreAllMocks();
  await election.stop();
  await client.close();
  await fake.stop();
});

test.each([
  ["after so long by the process' own clock", performance],
  ["after so long by the time of day: the machine was suspended", Date],
])("nobody leads %s", (_when, clock) => {
  expect(election.isLeading).toBe(true);
  const now = clock.now();
  jest.spyOn(clock, "now").mockReturnValue(now + 10_000);
  expect(election.isLeading).toBe(false);
  expect(() => election.assertLeading()).toThrow("no longer leading");
});

test("a term lasts as long as the lead, and the next one is another", async () => {
  const { term } = election;
  expect([term.aborted, election.term]).toStrictEqual([false, term]);
  await election.stop();
  expect(term.aborted).toBe(true);
  expect(() => election.term.throwIfAborted()).toThrow("no longer leading");
  const next = create();
  expect(next.term.aborted).toBe(true);
});

test("a time of day that is set back changes nothing", () => {
  jest.spyOn(Date, "now").mockReturnValue(0);
  expect(election.isLeading).toBe(true);
});

describe("an instance that stops", () => {
  const LEASE = "/apis/coordination.k8s.io/v1/namespaces/openfaas/leases/lease";

  const holder = (): unknown => fake.objects.get(LEASE)?.["spec"];

  test("gives the lead back", async () => {
    expect(holder()).toMatchObject({ holderIdentity: "one" });
    await election.stop();
    expect(holder()).toMatchObject({ holderIdentity: "", leaseDurationSeconds: 1 });
  });

  test("cuts an attempt that hangs", async () => {
    await election.stop();
    const hanging = Promise.withResolvers<string>();
    fake.intercept = ({ method }) => {
      if (method !== "PUT") {
        return false;
      }
      fake.intercept = () => false;
      hanging.resolve("PUT");
      return true;
    };
    const next = create();
    next.start();
    await hanging.promise;
    await next.stop();
    expect([holder(), next.isLeading]).toEqual([
      expect.objectContaining({ holderIdentity: "" }),
      false,
    ]);
    expect(log.text()).not.toContain("attempt failed");
  });

  test("gives the lead back although an attempt that was cut is stored only then", async () => {
    fake.intercept = ({ method }) => {
      if (method === "PUT") {
        fake.intercept = () => false;
        const collection = LEASE.slice(0, LEASE.lastIndexOf("/"));
        fake.put(collection, { ...fake.objects.get(LEASE), metadata: { name: "lease" } });
      }
      return false;
    };
    await election.stop();
    expect(holder()).toMatchObject({ holderIdentity: "" });
  });

  test("leaves alone what another one holds", async () => {
    const { metadata } = fake.objects.get(LEASE) ?? {};
    fake.put(LEASE.slice(0, LEASE.lastIndexOf("/")), {
      metadata: { ...metadata, name: "lease" },
      spec: { holderIdentity: "other", leaseDurationSeconds: 15 },
    });
    const before = fake.requests.length;
    await election.stop();
    expect(holder()).toMatchObject({ holderIdentity: "other" });
    // An attempt may be under way: it reads, too.
    const methods = fake.requests.slice(before).map(({ method }) => method);
    expect([...new Set(methods)]).toEqual(["GET"]);
  });

  test("says nothing where it has never stood for election", async () => {
    const before = fake.requests.length;
    await create().stop();
    expect(fake.requests.length).toBe(before);
  });
});
