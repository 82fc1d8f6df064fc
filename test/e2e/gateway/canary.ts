/** No secret that passes a real stack turns up in what it logs, measures, prints and stores. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readFilesBelow } from "../../support/files.ts";
import type { Stack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";
import { basic } from "../../support/users.ts";

const minute = 60_000;

/** In every secret, so that one search finds any of them. */
const CANARY = "canary-9f27";
const USERS = [
  { name: "team", password: `${CANARY}-team`, role: "deployer", namespaces: ["openfaas-fn"] },
  { name: "viewer", password: `${CANARY}-viewer`, role: "reader" },
];

/** Declares the suite; the stack has users besides the administrator afterwards. */
export function describeCanary(stack: () => Stack): void {
  async function send(
    path: string,
    [method, authorization]: [string, string],
    { body, headers = {} }: { body?: string; headers?: Record<string, string> } = {},
  ): Promise<number> {
    const response = await fetch(`${stack().url}${path}`, {
      method,
      headers: { authorization, cookie: `a=${CANARY}`, "x-api-key": CANARY, ...headers },
      body: method === "GET" ? null : (body ?? CANARY),
      signal: AbortSignal.timeout(30_000),
    });
    await response.text();
    return response.status;
  }

  const listGateways = async (): Promise<string[]> =>
    (
      await stack().kubectl(
        ...["get", "pods", "-n", "openfaas", "-o", "name"],
        ...["-l", "app.kubernetes.io/name=gateway"],
      )
    )
      .trim()
      .split("\n");

  const admin = (): string => basic("admin", stack().password);
  const team = basic("team", `${CANARY}-team`);
  const viewer = basic("viewer", `${CANARY}-viewer`);
  const secret = JSON.stringify({ name: "canary", value: CANARY });

  describe("a stack with users", () => {
    beforeAll(async () => {
      const users = JSON.stringify(USERS);
      await stack().pulumi("config", "set", "--secret", "plonk:users", users, "-s", "local");
      await stack().update();
      // The pod of before answers on connections that it has until it has drained.
      await until("the old gateway's end", async () => (await listGateways()).length === 1, minute);
    }, 5 * minute);

    afterAll(async () => {
      const name = JSON.stringify({ name: "canary" });
      await send("/system/secrets", ["DELETE", admin()], { body: name });
    });

    test(
      "lets each do what the role allows",
      async () => {
        expect(await send("/system/functions", ["GET", viewer])).toBe(200);
        expect(await send("/system/secrets", ["POST", viewer], { body: secret })).toBe(403);
        expect(await send("/system/secrets", ["POST", team], { body: secret })).toBe(202);
        expect(await send("/system/functions", ["GET", basic("team", "wrong")])).toBe(401);
      },
      minute,
    );

    test(
      "previews no change",
      async () => {
        await stack().pulumi("preview", "-s", "local", "--expect-no-changes");
      },
      2 * minute,
    );

    test(
      "shows no secret in logs, metrics, outputs, state and configuration",
      async () => {
        await makeTrouble();
        const everything = readFiles();
        const add = (name: string, text: string): unknown =>
          everything.set(name, Buffer.from(text));
        add("up", stack().printed());
        add("outputs", await stack().pulumi("stack", "output", "-s", "local"));
        add("export", await stack().pulumi("stack", "export", "-s", "local"));
        add("logs", await readLogs());
        for (const [component, port] of [
          ["gateway", 8082],
          ["queue-worker", 8081],
        ]) {
          const pod = await findPod(`app.kubernetes.io/name=${component}`);
          const path = `/api/v1/namespaces/openfaas/pods/${pod}:${port}/proxy/metrics`;
          add(`metrics of ${component}`, await stack().kubectl("get", "--raw", path));
        }
        expect(everything.get("logs")?.toString()).toMatch(/"msg":"audit"/);
        expect(everything.get("metrics of gateway")?.toString()).toContain("gateway_");
        expect(everything.get("export")?.toString()).toContain("basic-auth");
        const hidden = [CANARY, stack().password];
        for (const text of [...hidden]) {
          hidden.push(Buffer.from(text).toString("base64").replace(/=*$/, "").slice(0, -1));
        }
        for (const user of USERS) {
          hidden.push(basic(user.name, user.password).slice("Basic ".length).replace(/=*$/, ""));
        }
        const holders = [...everything].filter(([, content]) =>
          hidden.some((text) => content.includes(text)),
        );
        expect(holders.map(([name]) => name)).toEqual([]);
      },
      3 * minute,
    );
  });

  async function findPod(selector: string): Promise<string> {
    const name = "jsonpath={.items[0].metadata.name}";
    return await stack().kubectl("get", "pods", "-n", "openfaas", "-l", selector, "-o", name);
  }

  /** Whatever could make a careless part of the stack say too much. */
  async function makeTrouble(): Promise<void> {
    const callback = `http://127.0.0.1:9/${CANARY}?token=${CANARY}`;
    const forged = `Bearer ${CANARY}.${CANARY}.${CANARY}`;
    for (const name of ["hello", "none"]) {
      await send(`/function/${name}?key=${CANARY}`, ["POST", team]);
      await send(`/async-function/${name}?key=${CANARY}`, ["POST", team], {
        headers: { "x-callback-url": callback },
      });
    }
    for (const authorization of [admin(), forged, basic(CANARY, CANARY), basic("team", CANARY)]) {
      await send("/system/secrets", ["POST", authorization], { body: secret });
      await send("/system/functions", ["POST", authorization], { body: `{"image": "${CANARY}` });
    }
    await sleep(10_000); // the queue-worker's attempts at the callback
  }

  /** State, configuration and what Kubernetes wrote down; not the files of containers. */
  function readFiles(): Map<string, Buffer> {
    const { home, clone } = stack().folders;
    const clusters = readdirSync(join(home, "clusters")).map((name) =>
      join(home, "clusters", name),
    );
    const logs = clusters.map((cluster) => join(cluster, "host", "var", "log"));
    const files = readFilesBelow([join(home, "state"), join(clone, "stacks"), ...logs]);
    const ownLogs = clusters.map((cluster) => join(cluster, "k3s.log"));
    ownLogs.forEach((path) => files.set(path, readFileSync(path)));
    return files;
  }

  async function readLogs(): Promise<string> {
    const texts = [];
    for (const namespace of ["openfaas", "openfaas-fn"]) {
      const pods = await stack().kubectl("-n", namespace, "get", "pods", "-o", "name");
      for (const pod of pods.split("\n").filter((line) => line !== "")) {
        const args = ["-n", namespace, "logs", "--all-containers", "--tail=-1", pod];
        const read = stack().kubectl(...args);
        texts.push(await read.catch(passOverGone));
      }
    }
    return texts.join("\n");
  }
}

/** A pod that was there when they were listed may be gone by now, or have no container yet. */
function passOverGone(error: unknown): string {
  if (/\(NotFound\)|is waiting to start/.test(String(error))) {
    return "";
  }
  throw error;
}
