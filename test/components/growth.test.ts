/**
 * A volume of the platform's on a real API server, by the real engine: the claim of an earlier
 * version is taken over, and grows. No node runs pods and no driver resizes volumes: the test says
 * in its place how large one is. Of the platform it is the queue alone, for speed.
 */
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type ApiServer, startApiServer } from "../support/apiserver.ts";
import { createEngine, type Engine, type RunResult } from "../support/pulumi.ts";
import { until } from "../support/until.ts";
import { toPlatformProgram } from "./support/platform-program.ts";

const minutes = 60_000;
const NATS = ["-n", "openfaas", "persistentvolumeclaim", "data-nats-0"];

let api: ApiServer;
let engine: Engine;

beforeAll(async () => {
  api = await startApiServer();
  engine = await createEngine({ plugins: ["kubernetes"] });
  await api.apply(toClass(true));
  await api.apply("{apiVersion: v1, kind: Namespace, metadata: {name: openfaas}}");
  await api.apply(VOLUME);
  // As the controller of StatefulSets makes claims.
  await api.apply(CLAIM, "kube-controller-manager");
  const patience = "--timeout=100s";
  await api.kubectl("wait", patience, "--for=jsonpath={.status.phase}=Bound", ...NATS);
}, 3 * minutes);

afterAll(async () => {
  await engine.remove();
  await api.stop();
});

const toClass = (allowVolumeExpansion: boolean): string =>
  JSON.stringify({
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "disks" },
    provisioner: "example.com/disks",
    allowVolumeExpansion,
  });

const CLAIM = JSON.stringify({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name: "data-nats-0", namespace: "openfaas" },
  spec: {
    storageClassName: "disks",
    accessModes: ["ReadWriteOnce"],
    resources: { requests: { storage: "1Gi" } },
  },
});

const VOLUME = JSON.stringify({
  apiVersion: "v1",
  kind: "PersistentVolume",
  metadata: { name: "nats" },
  spec: {
    storageClassName: "disks",
    accessModes: ["ReadWriteOnce"],
    capacity: { storage: "1Gi" },
    hostPath: { path: "/nowhere" },
    claimRef: { namespace: "openfaas", name: "data-nats-0" },
  },
});

async function declare(volumeGiB: number, storageClass = "disks"): Promise<void> {
  const args = { namespace: "openfaas", volumeGiB, storageClass };
  await engine.program(toPlatformProgram(api.kubeconfig, args, "Queue"));
}

const get = (...args: string[]): Promise<string> => api.kubectl("get", ...args);
const natsConfig = (): Promise<string> => get("-n", "openfaas", "configmap/nats-config", "-o=yaml");

/** What tells an object from one of the same name that was made in its place. */
const uidOf = (...object: string[]): Promise<string> =>
  get(...object, "-o=jsonpath={.metadata.uid}");

function changesOf({ steps }: RunResult): string[] {
  return steps
    .filter(({ op, type }) => op !== "same" && type.startsWith("kubernetes:"))
    .map(({ op, name }) => `${op} ${name}`)
    .sort();
}

function errorsOf({ diagnostics }: RunResult): string[] {
  return diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message);
}

it(
  "takes over the claims that are there",
  async () => {
    const uid = await uidOf(...NATS);
    await declare(1);
    const up = await engine.up();
    expect(up.code === 0 ? "" : up.output).toBe("");
    expect(await uidOf(...NATS)).toBe(uid);
    expect((await engine.preview()).changes).toEqual({ same: expect.any(Number) });
  },
  3 * minutes,
);

it(
  "grows a volume in place, and tells NATS only when it is large enough",
  async () => {
    const objects = [NATS, ["-n", "openfaas", "statefulset", "nats"]];
    const uids = await Promise.all(objects.map((object) => uidOf(...object)));
    await declare(2);
    const grown = ["update p-nats", "update p-nats-config", "update p-nats-volume"];
    const preview = await engine.preview();
    expect(changesOf(preview)).toEqual(grown);
    expect(preview.steps.find(({ name }) => name === "p-nats-volume")?.diff).toEqual({
      "spec.resources.requests.storage": "update",
    });

    const up = engine.up();
    const isAsked = async (): Promise<boolean> =>
      (await get(...NATS, "-o=jsonpath={.spec.resources.requests.storage}")) === "2Gi";
    await until("the request for more", isAsked, 5 * minutes);
    expect(await natsConfig()).toContain("max_file_store: 921MiB");
    const size = JSON.stringify({ status: { capacity: { storage: "2Gi" } } });
    await api.kubectl("patch", ...NATS, "--subresource=status", "--type=merge", `--patch=${size}`);
    const { code, output } = await up;
    expect(code === 0 ? "" : output).toBe("");
    expect(await natsConfig()).toContain("max_file_store: 1843MiB");
    expect(await Promise.all(objects.map((object) => uidOf(...object)))).toEqual(uids);
    expect((await engine.preview()).changes).toEqual({ same: expect.any(Number) });
  },
  10 * minutes,
);

it(
  "refuses in the preview to shrink it, and to grow it where the class cannot",
  async () => {
    await declare(1);
    expect(errorsOf(await engine.preview())).toEqual([
      'volumeGiB: expected at least the size of the volume that is there (2Gi of the class "disks"), as volumes never shrink, got 1',
      "stopped: something is wrong, see the resource above",
    ]);
    await api.apply(toClass(false));
    await declare(3);
    expect(errorsOf(await engine.preview())).toEqual([
      'volumeGiB: expected the size of the volume that is there (2Gi of the class "disks"), as volumes of that class cannot grow, got 3',
      "stopped: something is wrong, see the resource above",
    ]);
  },
  3 * minutes,
);

it(
  "keeps its class, unless the claim and the StatefulSet have been deleted",
  async () => {
    await declare(2, "others");
    expect(errorsOf(await engine.preview())).toEqual([
      'storageClass: expected that of the volume data-nats-0 which is there ("disks"), got "others"',
      "stopped: something is wrong, see the resource above",
    ]);
    await api.kubectl("-n", "openfaas", "delete", "statefulset/nats", "pvc/data-nats-0");
    const { code, output } = await engine.up({ args: ["--refresh"] });
    expect(code === 0 ? "" : output).toBe("");
    expect(await get(...NATS, "-o=jsonpath={.spec.storageClassName}")).toBe("others");
    expect((await engine.preview()).changes).toEqual({ same: expect.any(Number) });
  },
  3 * minutes,
);

it(
  "refuses in the preview to take the queue to another NATS, unless what waits may be lost",
  async () => {
    const existing = { url: "tls://nats.messages" };
    const args = { namespace: "openfaas", existing };
    await engine.program(toPlatformProgram(api.kubeconfig, args, "Queue"));
    expect(errorsOf(await engine.preview())).toEqual([
      'existing.url: expected that of the NATS which has the queue ("nats.openfaas:4222"), got "nats.messages:4222": calls, callbacks and dead letters in it stay behind, and nobody runs them; set discardMessages where they may be lost, or where both are the same server',
      "stopped: something is wrong, see the resource above",
    ]);
    const lossy = { ...args, discardMessages: true };
    await engine.program(toPlatformProgram(api.kubeconfig, lossy, "Queue"));
    const { code, diagnostics, ...preview } = await engine.preview();
    expect([code, changesOf({ code, diagnostics, ...preview })]).toEqual([
      0,
      expect.arrayContaining(["delete p-nats", "update p-queue-worker"]),
    ]);
    const warnings = diagnostics.filter(({ severity }) => severity === "warning");
    expect(warnings.map(({ message }) => message)).toEqual([
      'discardMessages: calls, callbacks and dead letters in the NATS "nats.openfaas:4222" stay behind, as the queue goes to "nats.messages:4222"',
    ]);
  },
  3 * minutes,
);

it(
  "leaves the volumes where they are when the platform goes",
  async () => {
    const uid = await uidOf(...NATS);
    await declare(2, "others");
    const destroyed = await engine.destroy();
    expect(destroyed.code === 0 ? "" : destroyed.output).toBe("");
    expect(await uidOf(...NATS)).toBe(uid);
  },
  3 * minutes,
);
