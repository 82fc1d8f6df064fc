/** The keys of private functions' queued calls, by the real engine: the former one stays, too. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { ArgumentError } from "../../components/errors.ts";
import { refuseJump } from "../../components/gateway/mark-keys.ts";
import { type Answers, type FakeApi, startFakeApi, toKubeconfig } from "./support/fake-api.ts";
import { changesOf, RenderedPart } from "./support/rendered-part.ts";

const minutes = 60_000;
/** Objects that are files have no UID, on which an annotation of the gateway's pods depends. */
const UNCHANGED = ["update p-gateway"];
const PLACE = { functionNamespace: "openfaas-fn" };

let gateway: RenderedPart;

beforeAll(async () => {
  gateway = await RenderedPart.create("Gateway");
}, minutes);

afterAll(() => gateway.remove());

async function up(queueKeyRevision?: number): Promise<void> {
  await gateway.declare({ ...PLACE, ...(queueKeyRevision !== undefined && { queueKeyRevision }) });
  expect(await gateway.up()).toBeUndefined();
}

interface Deployment {
  spec: { template: { spec: { volumes: { name: string; projected: { sources: Source[] } }[] } } };
}
interface Source {
  secret: { name: string; items: { key: string; path: string }[] };
}

/** The keys as the gateway's files have them. */
function mounted(): Record<string, string | undefined> {
  const { spec } = parse(gateway.objects()["Deployment gateway"] ?? "") as Deployment;
  const volume = spec.template.spec.volumes.find(({ name }) => name === "queue-keys");
  const files = (volume?.projected.sources ?? []).map(({ secret: { name, items } }) => {
    const [{ key, path } = { key: "", path: "" }] = items;
    return [path, gateway.filesOf(`Secret ${name}`)[key]];
  });
  return Object.fromEntries(files) as Record<string, string>;
}

let first: string | undefined;
let second: string | undefined;

it(
  "are one at first, which no later run changes and the state does not show",
  async () => {
    await up();
    const keys = mounted();
    expect(keys).toEqual({ current: expect.stringMatching(/^[\w-]{43}$/) });
    first = keys["current"];
    const state = await gateway.engine.state();
    expect(state).not.toContain(first);
    expect(state).not.toContain(Buffer.from(first ?? "").toString("base64"));
    expect(changesOf(await gateway.engine.preview())).toEqual(UNCHANGED);
    await up(1);
    expect(mounted()).toEqual(keys);
  },
  3 * minutes,
);

it(
  "are a new one and the former one under the next number",
  async () => {
    await gateway.declare({ ...PLACE, queueKeyRevision: 2 });
    expect(changesOf(await gateway.engine.preview())).toEqual([
      "create p-gateway-queue-key-2",
      "update p-gateway",
    ]);
    await up(2);
    const keys = mounted();
    expect(keys).toEqual({ current: expect.stringMatching(/^[\w-]{43}$/), previous: first });
    second = keys["current"];
    expect(second).not.toBe(first);
    expect(changesOf(await gateway.engine.preview())).toEqual(UNCHANGED);
  },
  3 * minutes,
);

it(
  "lose the oldest one under the number after that",
  async () => {
    await up(3);
    const keys = mounted();
    expect(keys["previous"]).toBe(second);
    expect([first, second]).not.toContain(keys["current"]);
    expect(Object.keys(gateway.objects()).filter((name) => name.includes("queue-key"))).toEqual([
      "Secret gateway-queue-key-2",
      "Secret gateway-queue-key-3",
    ]);
  },
  3 * minutes,
);

describe("the number of a gateway that is there", () => {
  const DEPLOYMENT = "/apis/apps/v1/namespaces/openfaas/deployments/gateway";
  let api: FakeApi | undefined;

  afterEach(() => api?.stop());

  const refuse = async (answers: Answers, revision: number, isPreview = true): Promise<void> => {
    api = await startFakeApi(answers);
    const place = { namespace: "openfaas", revision };
    await refuseJump(toKubeconfig(api.url, "here"), place, isPreview);
  };

  const toAnswers = (...names: string[]): Answers => {
    const sources = names.map((name, index) => ({
      secret: { name, items: [{ key: "key", path: index === 0 ? "current" : "previous" }] },
    }));
    const volumes = [
      { name: "auth", secret: {} },
      { name: "queue-keys", projected: { sources } },
    ];
    return { [DEPLOYMENT]: { spec: { template: { spec: { volumes } } } } };
  };

  it.each([
    [["gateway-queue-key"], 1],
    [["gateway-queue-key"], 2],
    [["gateway-queue-key-2", "gateway-queue-key"], 2],
    [["gateway-queue-key-12", "gateway-queue-key-11"], 13],
    [[], 7],
  ])("by %j may be %d", async (names, revision) => {
    await expect(refuse(toAnswers(...names), revision)).resolves.toBeUndefined();
  });

  it.each([
    [["gateway-queue-key"], 3, "expected 1, or 2 for another key"],
    [["gateway-queue-key-2", "gateway-queue-key"], 1, "expected 2, or 3 for another key"],
    [["gateway-queue-key-2", "gateway-queue-key"], 4, "expected 2, or 3 for another key"],
  ])("by %j may not be %d", async (names, revision, words) => {
    const there = words.split(" ")[1]?.replace(",", "") ?? "";
    await expect(refuse(toAnswers(...names), revision)).rejects.toThrow(
      new ArgumentError(
        `queueKeyRevision: ${words}, as private calls that wait have been accepted under number ` +
          `${there}, got ${revision}`,
      ),
    );
  });

  it("is any where there is no gateway, and has to be known", async () => {
    await expect(refuse({}, 5, false)).resolves.toBeUndefined();
    await expect(refuse({ [DEPLOYMENT]: 403 }, 5)).rejects.toThrow(
      new ArgumentError("cluster: expected to learn the key of queued calls, got HTTP 403"),
    );
  });
});
