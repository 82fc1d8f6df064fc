import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BUSYBOX, writeBusybox } from "./images.ts";
import { PODS, WEB } from "./workload.ts";
import { findK3s, TestCluster } from "./cluster.ts";

const MINUTE = 60_000;

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.create();
  await cluster.start();
  await cluster.waitReady();
}, 5 * MINUTE);

afterAll(async () => {
  await cluster.destroy();
}, 2 * MINUTE);

async function fetchWeb(): Promise<string> {
  const response = await fetch(`http://${cluster.address}:31112/`, {
    signal: AbortSignal.timeout(3000),
  });
  return await response.text();
}

async function waitForWeb(): Promise<string> {
  let text = "";
  await cluster.waitFor("an answer of the pod", async () => {
    text = await fetchWeb();
    return text.startsWith("kept since");
  });
  return text;
}

const restarts = () =>
  cluster.kubectl(
    "get",
    "pod",
    "web",
    "-o",
    "jsonpath={.metadata.uid} {.status.containerStatuses[0].restartCount}",
  );

function mountsOfCluster(): string[] {
  const lines = readFileSync("/proc/self/mounts", "utf8").split("\n");
  return lines.filter((line) => line.includes(cluster.directory));
}

describe("a node", () => {
  it(
    "runs a restricted pod that answers on its NodePort from outside the namespace",
    async () => {
      await cluster.apply(PODS);
      await cluster.waitFor("the service account", async () => {
        await cluster.apply(WEB);
        return true;
      });
      await cluster.kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s");
      expect(await waitForWeb()).toMatch(/^kept since [0-9a-f-]{36}\n$/);
    },
    3 * MINUTE,
  );

  it("shows logs and runs commands in a pod", async () => {
    expect(await cluster.kubectl("logs", "web")).toBe("started as 65532\n");
    expect(await cluster.kubectl("exec", "web", "--", "id", "-u")).toBe("65532\n");
  });

  it("forwards a port to a pod", async () => {
    const forward = cluster.spawnKubectl("port-forward", "pod/web", ":8080");
    const [line] = (await once(forward.stdout, "data")) as [Buffer];
    const port = /127\.0\.0\.1:(\d+)/.exec(line.toString())?.[1];
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.text()).toBe(await fetchWeb());
    forward.kill();
    await once(forward, "exit");
  });

  it("answers a pod on a service's address, and refuses an address that is no service", async () => {
    const ask = (address: string) =>
      cluster.kubectl(
        "exec",
        "web",
        "--",
        "sh",
        "-c",
        `echo 'GET / HTTP/1.0\n' | nc -w 5 ${address} 2>&1 || true`,
      );
    const address = await cluster.kubectl("get", "svc", "web", "-o", "jsonpath={.spec.clusterIP}");
    expect(await ask(`${address} 80`)).toContain("kept since");
    const started = Date.now();
    expect(await ask("10.43.200.200 80")).toContain("Connection refused");
    expect(Date.now() - started).toBeLessThan(4000);
  });

  it("labels its node and refuses anonymous calls to kubelet", async () => {
    const role = "jsonpath={.metadata.labels.node-role\\.kubernetes\\.io/control-plane}";
    expect(await cluster.kubectl("get", "node", "n1", "-o", role)).toBe("true");
    const url = `https://${cluster.address}:10250/pods`;
    const code = execFileSync("curl", ["-sk", "-o", "/dev/null", "-w", "%{http_code}", url]);
    expect(code.toString()).toBe("401");
  });

  it("enforces pod security", async () => {
    const pod = WEB.replace("namespace: default", "namespace: strict").replace("drop: [ALL]", "");
    await expect(cluster.apply(pod)).rejects.toThrow(/violates PodSecurity "restricted:latest"/);
  });

  it(
    "imports an archive that appears later",
    async () => {
      const reference = "plonk.local/later:1";
      await writeBusybox(join(cluster.dataDir, "agent/images"), reference);
      await cluster.waitFor("the image", async () =>
        (await cluster.ctr("images", "ls", "-q")).split("\n").includes(reference),
      );
    },
    2 * MINUTE,
  );

  it("says at once that an image of its own registry was not preloaded", async () => {
    await cluster.kubectl("run", "missing", "--image=plonk.local/missing:1");
    const started = Date.now();
    await cluster.waitFor("the failure", async () =>
      (await cluster.kubectl("get", "pod", "missing")).includes("ErrImagePull"),
    );
    expect(Date.now() - started).toBeLessThan(8000);
    await cluster.kubectl("delete", "pod", "missing", "--now");
  });

  it(
    "keeps a volume when its pod is deleted, and removes it with its claim",
    async () => {
      const before = await fetchWeb();
      await cluster.kubectl("delete", "pod", "web");
      await cluster.apply(WEB);
      await cluster.kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s");
      expect(await waitForWeb()).toBe(before);
      const more = (manifest: string) => manifest.replaceAll(/(name|claimName): data/g, "$1: more");
      await cluster.apply(more(PODS));
      await cluster.apply(more(WEB).replace("name: web", "name: other"));
      await cluster.kubectl("wait", "--for=condition=Ready", "pod/other", "--timeout=60s");
      const path = "jsonpath={.spec.volumeName}";
      const name = await cluster.kubectl("get", "pvc", "more", "-o", path);
      const directory = join(cluster.dataDir, "storage", `${name}_default_more`);
      expect(statSync(directory).mode & 0o777).toBe(0o777);
      await cluster.kubectl("delete", "pod/other", "pvc/more");
      await cluster.waitFor("the directory to go", async () =>
        Promise.resolve(!existsSync(directory)),
      );
      await expect(cluster.kubectl("get", "pv", name)).rejects.toThrow(/not found/);
    },
    3 * MINUTE,
  );
});

describe("a node that is hurt", () => {
  const components = [
    "k3s etcd",
    "k3s kube-apiserver",
    "k3s kube-controller-manager",
    "k3s kube-scheduler",
    "k3s kubelet",
    "k3s kube-proxy",
    "containerd --config",
  ];

  it.each(components)(
    "heals when %s is killed, and pods keep running",
    async (name) => {
      const before = await restarts();
      const [victim = 0] = cluster.processes(name);
      process.kill(victim, "SIGKILL");
      await cluster.waitFor("another process", async () => {
        const [next] = cluster.processes(name);
        return Promise.resolve(next !== undefined && next !== victim);
      });
      await cluster.waitFor("the API", async () => {
        await cluster.kubectl("delete", "pod", "probe", "--ignore-not-found", "--now");
        await cluster.kubectl(
          "run",
          "probe",
          `--image=${BUSYBOX}`,
          "--command",
          "--",
          "sleep",
          "600",
        );
        await cluster.kubectl("wait", "--for=condition=Ready", "pod/probe", "--timeout=45s");
        return true;
      });
      await waitForWeb();
      expect(await restarts()).toBe(before);
    },
    3 * MINUTE,
  );

  it(
    "keeps pods running when it is stopped and started again",
    async () => {
      const before = await restarts();
      const server = cluster.server;
      process.kill(server, "SIGTERM");
      await cluster.waitFor("the server to stop", async () =>
        Promise.resolve(cluster.processes("k3s ").length === 0),
      );
      const shims = cluster.processes("containerd-shim");
      expect(shims.length).toBeGreaterThan(0);
      expect(cluster.processes().sort()).toEqual(shims.sort());
      expect(await fetchWeb()).toMatch(/^kept since/);
      await cluster.restart();
      await cluster.waitReady();
      await waitForWeb();
      expect(await restarts()).toBe(before);
    },
    3 * MINUTE,
  );

  it(
    "takes no harm when the server is killed: nothing is left over, pods keep running",
    async () => {
      const before = await restarts();
      process.kill(cluster.server, "SIGKILL");
      await cluster.waitFor("the components to end", async () =>
        Promise.resolve(cluster.processes("k3s ").length === 0),
      );
      await cluster.restart();
      await cluster.waitReady();
      await waitForWeb();
      expect(await restarts()).toBe(before);
    },
    3 * MINUTE,
  );

  it(
    "comes back from a machine that lost all its processes, with the volume's content",
    async () => {
      const before = await fetchWeb();
      const uid = await restarts();
      const pods = podProcesses();
      for (const pid of [cluster.server, ...cluster.processes(), ...pods]) {
        process.kill(pid, "SIGKILL");
      }
      await cluster.restart();
      await cluster.waitReady();
      expect(await waitForWeb()).toBe(before);
      expect((await restarts()).split(" ")[0]).toBe(uid.split(" ")[0]);
      expect(pods.length).toBeGreaterThan(2);
    },
    3 * MINUTE,
  );

  it("refuses a second server on the same data directory", async () => {
    const args = ["server", "--config", join(cluster.directory, "config.yaml")];
    await expect(cluster.inside(await findK3s(), ...args)).rejects.toThrow(
      `data-dir: ${cluster.dataDir} is in use by process ${cluster.server}`,
    );
  });
});

describe("killall", () => {
  it(
    "leaves no process, mount, cgroup, interface or rule, and the data; twice",
    async () => {
      await writeFile(join(cluster.directory, "before"), await fetchWeb());
      await cluster.killAll();
      await cluster.killAll();
      expect(cluster.processes()).toEqual([]);
      expect(podProcesses()).toEqual([]);
      expect(mountsOfCluster()).toEqual([]);
      expect(cgroupDirectories()).toEqual([]);
      const links = await cluster.inside("ip", "-br", "link");
      expect(links.split("\n").map((line) => line.split(/[ @]/)[0])).toEqual(["lo", "eth0", ""]);
      const iptables = join(cluster.dataDir, "data/current/bin/iptables-save");
      expect(await cluster.inside(iptables)).not.toMatch(/KUBE-|CNI-|K3S-/);
      expect(networkResults()).toEqual([]);
    },
    MINUTE,
  );

  it(
    "lets the cluster start again with what it had",
    async () => {
      await cluster.restart();
      await cluster.waitReady();
      const before = readFileSync(join(cluster.directory, "before"), "utf8");
      expect(await waitForWeb()).toBe(before);
      await rm(join(cluster.directory, "before"));
    },
    3 * MINUTE,
  );
});

/** Directories of the cluster's own cgroup, whose name its kubelet's configuration has. */
function cgroupDirectories(): string[] {
  const name = /^cgroupRoot: (\S+)$/m.exec(
    readFileSync(join(cluster.dataDir, "agent/kubelet.yaml"), "utf8"),
  )?.[1];
  const found = execFileSync("find", ["/sys/fs/cgroup", "-type", "d", "-path", `*${name}*`]);
  return found.toString().split("\n").filter(Boolean);
}

/** What libcni remembers of this cluster's pods, outside of its directory. */
function networkResults(): string[] {
  const directory = "/var/lib/cni/results";
  const files = existsSync(directory) ? readdirSync(directory) : [];
  return files.filter((file) =>
    readFileSync(join(directory, file), "utf8").includes(cluster.directory),
  );
}

function podProcesses(): number[] {
  return cgroupDirectories()
    .flatMap((directory) => readFileSync(join(directory, "cgroup.procs"), "utf8").split("\n"))
    .filter(Boolean)
    .map(Number)
    .filter((pid, index, all) => all.indexOf(pid) === index);
}
