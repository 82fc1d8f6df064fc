/**
 * The keys of the platform's own NATS, by the real engine: drawn once, they fit together and stay.
 */
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { toPublicKey } from "../../components/queue/nats-identity.ts";
import { changesOf, RenderedPart } from "./support/rendered-part.ts";

const minutes = 60_000;

let queue: RenderedPart;

beforeAll(async () => {
  queue = await RenderedPart.create("Queue");
}, minutes);

afterAll(() => queue.remove());

async function up(): Promise<void> {
  expect(await queue.up()).toBeUndefined();
}

/** That everything is made of what one Secret has; returns that. */
function checkFit(suffix: string): Record<string, string> {
  const kept = queue.filesOf(`Secret nats-keys${suffix}`);
  const config = queue.filesOf("ConfigMap nats-config")["nats.conf"] ?? "";
  const users = ["gateway", "queue-worker"].map((service) => {
    const login = queue.filesOf(`Secret ${service}-nats-keys${suffix}`);
    expect(login).toEqual({ "nkey.seed": kept[`${service}.seed`], "ca.crt": kept["ca.crt"] });
    return toPublicKey(login["nkey.seed"] ?? "");
  });
  expect([...config.matchAll(/nkey: (U\w{55})$/gm)].map(([, key]) => key)).toEqual(users);
  expect(config).not.toMatch(/SU[A-Z2-7]{56}/);
  return kept;
}

it(
  "are made by the first run, and no later one makes others",
  async () => {
    await queue.declare();
    const preview = await queue.engine.preview();
    expect(preview.code === 0 ? "" : preview.output).toBe("");
    await up();
    const kept = checkFit("");
    expect(Object.keys(kept).sort()).toEqual([
      "ca.crt",
      "gateway.seed",
      "queue-worker.seed",
      "tls.crt",
      "tls.key",
    ]);
    const state = await queue.engine.state();
    for (const text of Object.values(kept)) {
      expect(state).not.toContain(Buffer.from(text).toString("base64"));
    }
    const objects = queue.objects();
    expect((await queue.engine.preview()).changes).toEqual({ same: expect.any(Number) });
    await up();
    expect(queue.objects()).toEqual(objects);
  },
  3 * minutes,
);

it(
  "stay when something else about the queue changes",
  async () => {
    const kept = checkFit("");
    await queue.declare({ sync: "interval" });
    expect(changesOf(await queue.engine.preview())).toEqual([
      "update p-nats",
      "update p-nats-config",
    ]);
    await up();
    expect(checkFit("")).toEqual(kept);
  },
  3 * minutes,
);

it(
  "are others under another number, and those of before go",
  async () => {
    const kept = checkFit("");
    await queue.declare({ sync: "interval", keyRevision: 2 });
    const rotation = [
      "create p-gateway-nats-keys-2",
      "create p-nats-keys-2",
      "create p-queue-worker-nats-keys-2",
      "delete p-gateway-nats-keys",
      "delete p-nats-keys",
      "delete p-queue-worker-nats-keys",
      "update p-nats",
      "update p-nats-config",
      "update p-queue-worker",
    ];
    expect(changesOf(await queue.engine.preview())).toEqual(rotation);
    await up();
    const others = checkFit("-2");
    for (const [name, text] of Object.entries(others)) {
      expect(text).not.toBe(kept[name]);
    }
    const objects = queue.objects();
    expect(objects["Secret nats-keys"]).toBeUndefined();
    expect(objects["Deployment queue-worker"]).toContain("secretName: queue-worker-nats-keys-2");
    expect((await queue.engine.preview()).changes).toEqual({ same: expect.any(Number) });
  },
  3 * minutes,
);
