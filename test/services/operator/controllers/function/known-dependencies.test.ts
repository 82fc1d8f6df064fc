import { afterEach, describe, expect, it } from "@jest/globals";
import type { FunctionResource, FunctionSpec } from "../../../../../contract/index.ts";
import { readConfig } from "../../../../../services/operator/config.ts";
import { KnownDependencies } from "../../../../../services/operator/controllers/function/known-dependencies.ts";
import { toDeployment } from "../../../../../services/operator/controllers/function/manifests.ts";
import type { Drift } from "../../../../../services/operator/kubernetes/applier.ts";
import type { Pod } from "../../../../../services/operator/kubernetes/types.ts";
import type { FakeKubernetes } from "../../../../support/fake-kubernetes.ts";
import { DEPLOYMENTS, useWorlds } from "../../world.ts";
import { makeFunction, makePod } from "./functions.ts";

const createWorld = useWorlds(afterEach);
const SECRETS = "/api/v1/namespaces/openfaas-fn/secrets";
const CODE = "/api/v1/namespaces/openfaas-fn/configmaps";
const LOGIN = "kubernetes.io/dockerconfigjson";
const { timeouts } = readConfig({});

const GONE = {
  reason: "SecretNotFound",
  message: "spec.secrets: expected a Secret key in namespace openfaas-fn, got none",
};

/** One that is ready, and refers to the secrets `key` and `login`. */
function makeReady(spec: Partial<FunctionSpec> = {}, reason = "Available"): FunctionResource {
  const condition = {
    ...{ type: "Ready", status: "True" as const, reason, message: "" },
    ...{ lastTransitionTime: "2026-01-01T00:00:00Z", observedGeneration: 3 },
  };
  const all = { secrets: ["key", "login"], ...spec };
  return makeFunction(all, { status: { conditions: [condition] } });
}

async function createKnown() {
  const { fake, client } = await createWorld((world) => {
    world.put(SECRETS, { metadata: { name: "key" }, type: "Opaque" });
    world.put(SECRETS, { metadata: { name: "login" }, type: LOGIN });
  });
  const clock = { now: 0 };
  const drifts: Drift[] = [];
  const pods: Pod[] = [];
  const options = {
    ...{ client, timeouts, now: () => clock.now },
    informers: { pods: { byIndex: (key: string) => (key === "k" ? pods : []) } },
    onDrift: (drift: Drift) => Promise.resolve(void drifts.push(drift)),
  };
  const start = () => new KnownDependencies(options);
  const known = start();
  /** Looks, and applies what was found. Returns what has gone, or is missing, and the wait. */
  const turn = async (resource = makeReady(), of = known) => {
    const found = await of.look("k", resource, true);
    if ("missing" in found) {
      return { missing: found.missing };
    }
    await of.adopt("k", resource, found);
    const waitMs = of.keep("k", found);
    return { lost: found.lost, pullSecrets: found.pullSecrets, waitMs };
  };
  const reads = () => fake.requests.filter(({ method, path }) => isRead(method, path)).length;
  return { fake, clock, start, turn, reads, known, drifts, pods };
}

const isRead = (method: string, path: string) => method === "GET" && path.startsWith(SECRETS);

function expectWait(waitMs: number | undefined, least: number): void {
  expect(waitMs).toBeGreaterThanOrEqual(least);
  expect(waitMs).toBeLessThanOrEqual(least * 1.2);
}

describe("what a Function refers to", () => {
  it("is looked for once while it is ready, and again after five minutes", async () => {
    const { clock, turn, reads } = await createKnown();
    const { waitMs = 0, ...first } = await turn();
    expect(first).toStrictEqual({ lost: undefined, pullSecrets: ["login"] });
    expectWait(waitMs, 300_000);
    clock.now = 100_000;
    expect((await turn()).waitMs).toBe(waitMs - 100_000);
    expect(reads()).toBe(2);
    clock.now = waitMs;
    expectWait((await turn()).waitMs, 300_000);
    expect(reads()).toBe(4);
  });

  it.each(["Scaling", "Degraded"])("is looked for in each turn while it is %s", async (reason) => {
    const { turn, reads } = await createKnown();
    await turn();
    await turn(makeReady({}, reason));
    expect(reads()).toBe(4);
  });

  it("is no reason for another turn when it is nothing", async () => {
    const { turn, reads } = await createKnown();
    expect((await turn(makeReady({ secrets: [] }))).waitMs).toBeUndefined();
    expect(reads()).toBe(0);
  });

  it.each(["Available", "ScaledToZero"])(
    "is told to have gone while the function is %s, and to be there again",
    async (reason) => {
      const { fake, clock, turn } = await createKnown();
      const resource = makeReady({}, reason);
      await turn(resource);
      fake.remove(SECRETS, "key");
      expect((await turn(resource)).lost).toBeUndefined();
      clock.now = 360_000;
      const { lost, pullSecrets, waitMs } = await turn(resource);
      expect({ lost, pullSecrets }).toStrictEqual({ lost: GONE, pullSecrets: ["login"] });
      expectWait(waitMs, 15_000);
      fake.put(SECRETS, { metadata: { name: "key" }, type: "Opaque" });
      const again = await turn(resource);
      expect(again.lost).toBeUndefined();
      expectWait(again.waitMs, 300_000);
    },
  );

  it("keeps a login that has gone a login, so that no pods are made anew", async () => {
    const { fake, turn } = await createKnown();
    await turn();
    fake.remove(SECRETS, "login");
    expect((await turn(makeReady({}, "Scaling"))).pullSecrets).toStrictEqual(["login"]);
  });

  it("is missing when another spec names it that was not applied", async () => {
    const { fake, turn } = await createKnown();
    await turn(makeReady({ secrets: ["login"] }));
    fake.remove(SECRETS, "key");
    expect(await turn()).toStrictEqual({ missing: GONE });
  });

  it("gives code to another Function of the same name, whose turn is the next one", async () => {
    const { fake, turn } = await createKnown();
    fake.put(CODE, { metadata: { name: "code-1" }, data: { "index.mjs": "" } });
    const resource = makeReady({ secrets: [], code: { configMap: "code-1" } });
    await turn(resource);
    await turn(resource);
    await turn({ ...resource, metadata: { ...resource.metadata, uid: "uid-2" } });
    const given = fake.requests.filter(({ method }) => method === "PATCH");
    expect(given.map(({ path }) => path)).toStrictEqual([`${CODE}/code-1`, `${CODE}/code-1`]);
  });

  it("does not come back as an empty ConfigMap, and is owned once it is there again", async () => {
    const { fake, turn } = await createKnown();
    const resource = makeReady({ secrets: [], code: { configMap: "code-1" } }, "Scaling");
    const put = () => fake.put(CODE, { metadata: { name: "code-1" }, data: { "index.mjs": "" } });
    const adopted = () => fake.requests.filter(({ method }) => method === "PATCH").length;
    put();
    await turn(resource);
    await turn(resource);
    expect(adopted()).toBe(1);
    fake.remove(CODE, "code-1");
    expect((await turn(resource)).lost?.reason).toBe("CodeNotFound");
    expect(adopted()).toBe(1);
    put();
    await turn(resource);
    expect(adopted()).toBe(2);
  });

  describe("is code that was made anew", () => {
    const resource = makeReady({ secrets: [], code: { configMap: "code-1" } }, "Scaling");
    const createCode = async () => {
      const parts = await createKnown();
      const { fake, pods, turn } = parts;
      const put = (text: string, more: object = {}) =>
        fake.put(CODE, { metadata: { name: "code-1" }, data: { "index.mjs": text, ...more } });
      const adopted = () => fake.requests.filter(({ method }) => method === "PATCH").length;
      const pod = makePod({});
      pod.spec = { volumes: [{ configMap: { name: "code-1" } }] };
      pods.push(pod);
      put("a");
      await turn(resource);
      return { ...parts, put, adopted };
    };
    const OTHER = { key: "k", fields: ["code-1"], result: "left", isNews: true };

    it("and told once when it is another one, and owned again", async () => {
      const { fake, turn, put, adopted, drifts } = await createCode();
      fake.remove(CODE, "code-1");
      put("b");
      await turn(resource);
      await turn(resource);
      expect(drifts).toStrictEqual([OTHER]);
      expect(adopted()).toBe(2);
    });

    it("and told also when it was missing in between", async () => {
      const { fake, turn, put, drifts } = await createCode();
      fake.remove(CODE, "code-1");
      expect((await turn(resource)).lost?.reason).toBe("CodeNotFound");
      put("a", { "more.mjs": "" });
      await turn(resource);
      expect(drifts).toStrictEqual([OTHER]);
    });

    it("and told once when applying it takes several attempts", async () => {
      const { fake, turn, put, known, drifts } = await createCode();
      fake.remove(CODE, "code-1");
      put("b");
      for (let attempt = 1; attempt <= 2; attempt += 1) {
        const found = await known.look("k", resource, true);
        if (!("missing" in found)) {
          await known.adopt("k", resource, found);
        }
      }
      await turn(resource);
      expect(drifts).toStrictEqual([OTHER]);
    });

    it("and told by nothing when it is the same one, which is owned again", async () => {
      const { fake, turn, put, adopted, drifts } = await createCode();
      fake.remove(CODE, "code-1");
      put("a");
      await turn(resource);
      expect(drifts).toStrictEqual([]);
      expect(adopted()).toBe(2);
    });

    it("and told by nothing when no pod has that of before", async () => {
      const { fake, turn, put, pods, drifts } = await createCode();
      pods.length = 0;
      fake.remove(CODE, "code-1");
      put("b");
      await turn(resource);
      expect(drifts).toStrictEqual([]);
    });

    it("and told by nothing when the Function has other code by now", async () => {
      const { fake, turn, put, drifts } = await createCode();
      put("b");
      fake.put(CODE, { metadata: { name: "code-2" }, data: { "index.mjs": "c" } });
      await turn({ ...resource, spec: { ...resource.spec, code: { configMap: "code-2" } } });
      expect(drifts).toStrictEqual([]);
    });
  });

  describe("for an operator that begins when it has gone", () => {
    const apply = (fake: FakeKubernetes, resource: FunctionResource) => {
      const logins = { own: ["login"], common: ["everybody"] };
      const { spec } = toDeployment(resource, timeouts, logins);
      fake.put(DEPLOYMENTS, { metadata: { name: "resize" }, spec });
    };
    const code = { configMap: "code-1" };

    it.each(["key", "login"])("has gone where it was applied with it: %s", async (secret) => {
      const { fake, start, turn } = await createKnown();
      apply(fake, makeReady());
      fake.remove(SECRETS, secret);
      const { lost, pullSecrets } = await turn(makeReady({}, "Scaling"), start());
      expect(lost?.reason).toBe("SecretNotFound");
      expect(pullSecrets).toStrictEqual(["login"]);
    });

    it.each([
      ["there is no Deployment", undefined, {}],
      ["it was applied without it", { secrets: ["login"] }, {}],
      ["it was applied with other code", { code }, { code: { configMap: "code-2" } }],
      ["it was applied with another module", { code }, { code: { ...code, entry: "a.mjs" } }],
    ])("is missing where %s", async (_where, before, after) => {
      const { fake, start, turn } = await createKnown();
      for (const name of ["code-1", "code-2"]) {
        fake.put(CODE, { metadata: { name }, data: { "index.mjs": "", "a.mjs": "" } });
      }
      if (before !== undefined) {
        apply(fake, makeReady(before));
      }
      fake.remove(SECRETS, "key");
      expect(await turn(makeReady(after), start())).toStrictEqual({ missing: GONE });
    });
  });
});
