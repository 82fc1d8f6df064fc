/** What a program says of callbacks, and who is told. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Gateway, Platform, Queue } from "../../components/index.ts";
import { CALLBACK_HOST_EXPECTATION } from "../../contract/queue/index.ts";
import { settle } from "./cluster/mocks.ts";
import { fakeCluster, find, IMAGES, recordRegistrations, reveal } from "./support/mocks.ts";
import { environmentOf, podOf } from "./support/objects.ts";
import { withPlatform } from "./support/wrong-platform.ts";

const all = recordRegistrations();

const KEY = "a key of 16 bytes";

beforeAll(async () => {
  new Platform("p", {
    cluster: fakeCluster(),
    images: IMAGES,
    adminPassword: "pw",
    queue: {
      callbacks: {
        allow: ["10.0.0.0/8", pulumi.output("fd00::7"), "*.example.com"],
        signingKey: KEY,
        timeoutSeconds: 5,
      },
    },
  });
  await settle();
});

afterAll(() => pulumi.runtime.disconnect());

it("gateway and queue-worker know the same hosts, and the time is the worker's", () => {
  expect(environmentOf(all, "p-gateway")).toMatchObject({
    callback_allow: "10.0.0.0/8,fd00::7,*.example.com",
  });
  expect(environmentOf(all, "p-queue-worker")).toMatchObject({
    callback_allow: "10.0.0.0/8,fd00::7,*.example.com",
    callback_timeout: "5s",
    callback_key_path: "/var/secrets/callbacks/key",
  });
});

it("the key is a Secret, which the queue-worker alone mounts", () => {
  const { inputs } = find(all, "p-queue-worker-callback-key");
  expect(JSON.stringify(inputs["data"])).toContain(pulumi.runtime.specialSecretSig);
  expect(reveal(inputs["data"])).toEqual({ key: Buffer.from(KEY).toString("base64") });
  const volume = { name: "callback-key", secret: { secretName: "queue-worker-callback-key" } };
  const { volumes, containers } = podOf(all, "p-queue-worker");
  expect(volumes).toContainEqual(volume);
  expect(containers[0]?.["volumeMounts"]).toContainEqual({
    name: "callback-key",
    mountPath: "/var/secrets/callbacks",
    readOnly: true,
  });
  expect(podOf(all, "p-gateway").volumes).not.toContainEqual(volume);
});

it("the parts take the same, and say nothing where they are told nothing", async () => {
  const place = { cluster: fakeCluster(), namespace: "openfaas", images: IMAGES };
  const gateway = { ...place, functionNamespace: "openfaas-fn", adminPassword: "pw" };
  new Gateway("g", { ...gateway, callbackAllow: ["receiver"] });
  new Gateway("h", gateway);
  new Queue("q", place);
  await settle();
  expect(environmentOf(all, "g-gateway")).toMatchObject({ callback_allow: "receiver" });
  for (const name of ["h-gateway", "q-queue-worker"]) {
    expect(Object.keys(environmentOf(all, name)).join()).not.toContain("callback_");
  }
});

it("a gateway alone logs in at the NATS of a queue by what that says", async () => {
  const place = { cluster: fakeCluster(), namespace: "messages", images: IMAGES };
  const queue = new Queue("n", { ...place, keyRevision: 3 });
  const { natsUrl: url, gatewaySecretName: secretName } = queue;
  if (secretName === undefined) {
    throw new Error("expected a Secret for the gateway");
  }
  const natsLogin = { url, secretName };
  new Gateway("n", { ...place, functionNamespace: "fn", adminPassword: "pw", natsLogin });
  await settle();
  expect(environmentOf(all, "n-gateway")).toMatchObject({
    nats_url: "tls://nats.messages:4222",
    nats_secret_path: "/var/secrets/nats",
  });
  const login = (name: string): object => ({ name: "nats-login", secret: { secretName: name } });
  expect(podOf(all, "n-gateway").volumes).toContainEqual(login("gateway-nats-keys-3"));
  expect(podOf(all, "n-queue-worker").volumes).toEqual([login("queue-worker-nats-keys-3")]);
  expect(podOf(all, "n-nats").volumes).toContainEqual({
    name: "tls",
    secret: {
      secretName: "nats-keys-3",
      items: [
        { key: "tls.crt", path: "tls.crt" },
        { key: "tls.key", path: "tls.key" },
      ],
    },
  });
});

describe("wrong arguments", () => {
  const host = `expected ${CALLBACK_HOST_EXPECTATION}, got`;

  it.each<[object, string]>([
    [{ allow: ["10.0.0.0/33"] }, `queue.callbacks.allow[0]: ${host} "10.0.0.0/33"`],
    [{ allow: ["::1/64/2"] }, `queue.callbacks.allow[0]: ${host} "::1/64/2"`],
    [{ allow: ["10.0.0.1", "a,b"] }, `queue.callbacks.allow[1]: ${host} "a,b"`],
    [{ allow: ["http://a"] }, `queue.callbacks.allow[0]: ${host} "http://a"`],
    [{ allow: [""] }, `queue.callbacks.allow[0]: ${host} ""`],
    [{ signingKey: "short" }, "queue.callbacks.signingKey: expected at least 16 bytes, got 5"],
    [
      { timeoutSeconds: 0.5 },
      "queue.callbacks.timeoutSeconds: expected a whole number from 1, got 0.5",
    ],
  ])("refuses %j", (callbacks, message) => {
    expect(withPlatform({ queue: { callbacks } })).toThrow(
      expect.objectContaining({ message, hideStack: true }),
    );
  });
});
