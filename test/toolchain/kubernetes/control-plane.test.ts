import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ControlPlane } from "./control-plane.ts";

const MINUTE = 60_000;

let plane: ControlPlane;

beforeAll(async () => {
  plane = await ControlPlane.create();
  await plane.start();
}, MINUTE);

afterAll(async () => {
  await plane.destroy();
}, MINUTE);

const manifest = (name: string) => join(plane.dataDir, "server/manifests", name);

const configMap = (name: string, value: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {key: ${value}}\n`;

const valueOf = (name: string) =>
  plane.kubectl("get", "configmap", name, "-o", "jsonpath={.data.key}");

describe("a control plane", () => {
  it("says its version in a form that clients can parse", async () => {
    const version = JSON.parse(await plane.kubectl("version", "-o", "json")) as {
      serverVersion: { gitVersion: string; major: string; minor: string };
    };
    expect(version.serverVersion).toMatchObject({ major: "1", minor: "34" });
    expect(version.serverVersion.gitVersion).toMatch(/^v1\.34\.\d+\+plonk\d+$/);
  });

  it("keeps secrets and the database from other users", () => {
    for (const path of ["server/tls", "server/db", "server/cred", "logs"]) {
      expect([path, statSync(join(plane.dataDir, path)).mode & 0o077]).toEqual([path, 0]);
    }
    expect(statSync(plane.kubeconfig).mode & 0o777).toBe(0o600);
    expect(statSync(join(plane.dataDir, "server/token")).mode & 0o777).toBe(0o600);
  });

  it("lets nobody in without a certificate", async () => {
    const server = await plane.kubectl("config", "view", "-o", "jsonpath={..server}");
    const args = ["-sk", "-o", "/dev/null", "-w", "%{http_code}", `${server}/api/v1/secrets`];
    expect(execFileSync("curl", args).toString()).toBe("403");
  });

  it("installs its bundled parts", async () => {
    await plane.waitFor("CoreDNS", async () => {
      const address = "jsonpath={.spec.clusterIP}";
      const args = ["get", "service", "kube-dns", "-n", "kube-system", "-o", address];
      return (await plane.kubectl(...args)) === "10.43.0.10";
    });
    const classes = await plane.kubectl("get", "storageclass", "-o", "name");
    expect(classes).toBe("storageclass.storage.k8s.io/local-path\n");
  });

  it("applies a manifest when it appears and when it changes, and not a skipped one", async () => {
    await writeFile(manifest("skipped.yaml.skip"), "");
    await writeFile(manifest("skipped.yaml"), configMap("skipped", "x"));
    await writeFile(manifest("seen.yaml"), configMap("seen", "first"));
    await plane.waitFor("the object", async () => (await valueOf("seen")) === "first");
    await writeFile(manifest("seen.yaml"), configMap("seen", "second"));
    await plane.waitFor("the change", async () => (await valueOf("seen")) === "second");
    await expect(valueOf("skipped")).rejects.toThrow(/not found/);
    await rm(manifest("seen.yaml"));
  });

  it("names a broken manifest, and tries again until it is right", async () => {
    await writeFile(manifest("broken.yaml"), "apiVersion: v1\nkind: ConfigMap\n");
    const complaint = "broken.yaml: document 1: expected apiVersion, kind and metadata.name";
    await plane.waitFor("the complaint", () => Promise.resolve(plane.log.includes(complaint)));
    await writeFile(manifest("broken.yaml"), configMap("broken", "mended"));
    await plane.waitFor("the object", async () => (await valueOf("broken")) === "mended");
    await rm(manifest("broken.yaml"));
  });

  it("applies an object of a kind that a later manifest defines", async () => {
    const group = "test.plonk.local";
    await writeFile(
      manifest("a-thing.yaml"),
      `apiVersion: ${group}/v1\nkind: Thing\nmetadata: {name: one}\n`,
    );
    await writeFile(manifest("b-kind.yaml"), definition(group));
    await plane.waitFor("the thing", async () =>
      (await plane.kubectl("get", `things.${group}`, "-o", "name")).includes("/one"),
    );
  });
});

describe("a control plane that is hurt", () => {
  it.each(["k3s etcd", "k3s kube-apiserver"])(
    "heals when %s is killed, with all data",
    async (name) => {
      await plane.kubectl("create", "configmap", `before-${name.slice(-4)}`);
      const [victim = 0] = plane.processes(name);
      process.kill(victim, "SIGKILL");
      await plane.waitFor("another process", () => {
        const [next] = plane.processes(name);
        return Promise.resolve(next !== undefined && next !== victim);
      });
      await plane.waitFor("the data", async () =>
        (await plane.kubectl("get", "configmap", "-o", "name")).includes(name.slice(-4)),
      );
    },
    2 * MINUTE,
  );

  it(
    "leaves no process when it is killed, and starts again with all data",
    async () => {
      await plane.kubectl("create", "configmap", "before-kill");
      await plane.end("SIGKILL");
      await plane.waitFor("the components to end", () =>
        Promise.resolve(plane.processes("").length === 0),
      );
      await plane.start();
      expect(await plane.kubectl("get", "configmap", "before-kill", "-o", "name")).toBe(
        "configmap/before-kill\n",
      );
    },
    2 * MINUTE,
  );

  it(
    "stops in order on SIGTERM, and uninstalls what is disabled at the next start",
    async () => {
      expect(await plane.end("SIGTERM")).toBe(0);
      expect(plane.processes("")).toEqual([]);
      await plane.start("--disable=coredns,local-storage");
      await plane.waitFor("CoreDNS to go", async () => {
        const args = ["get", "deployment,service", "-n", "kube-system", "-o", "name"];
        return (await plane.kubectl(...args)) === "";
      });
      await plane.waitFor("the class to go", async () => {
        return (await plane.kubectl("get", "storageclass", "-o", "name")) === "";
      });
      const files = readdirSync(join(plane.dataDir, "server/manifests"));
      expect(files.filter((file) => /coredns|local-storage/.test(file))).toEqual([]);
    },
    2 * MINUTE,
  );
});

const definition = (group: string) => `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.${group}}
spec:
  group: ${group}
  names: {kind: Thing, plural: things}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object}}
`;
