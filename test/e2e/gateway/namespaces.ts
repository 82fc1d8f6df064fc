/** Several function namespaces on a real cluster, through the REST API alone. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { CallbackReceiver } from "../../support/callback-receiver.ts";
import type { Stack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";

const second = 1000;

/** Says the secret of its namespace; without blanks, at which the watchdog splits. */
const PROGRAM = [
  "console.error('asked');",
  "process.stdout.write(require('fs').readFileSync('/var/openfaas/secrets/word','utf8')",
  "+'/'+process.env.OPENFAAS_NAMESPACE)",
].join("");

const COLOURS = ["red", "blue"] as const;

const LOST = {
  apiVersion: "openfaas.com/v1",
  kind: "Function",
  metadata: { name: "lost", namespace: "plain" },
  spec: { name: "lost", image: "example/image:1" },
};

/** A line of a function's log, as far as it is looked at. */
interface LogLine {
  namespace: string;
  text: string;
}

/** Declares the tests; `stack` gives the running stack, inside of tests. */
export function describeNamespaces(stack: () => Stack): void {
  async function call(method: string, path: string, body?: object): Promise<Response> {
    const { url, password } = stack();
    const authorization = `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`;
    return fetch(`${url}${path}`, {
      method,
      headers: path.startsWith("/system") ? { authorization } : {},
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(60 * second),
    });
  }

  async function read(path: string): Promise<unknown> {
    return (await call("GET", path)).json();
  }

  async function ask(name: string): Promise<[number, string]> {
    const answer = await call("GET", `/function/${name}`);
    return [answer.status, await answer.text()];
  }

  const describeTeller = async (colour: string): Promise<{ availableReplicas?: number }> =>
    (await read(`/system/function/teller?namespace=${colour}`)) as { availableReplicas?: number };

  async function waitForReplicas(colour: string, count: number | undefined): Promise<void> {
    const isThere = async (): Promise<boolean> =>
      (await describeTeller(colour)).availableReplicas === count;
    await until(`${count ?? 0} replicas in ${colour}`, isThere, 60 * second);
  }

  const create = async (name: string): Promise<number> => {
    const mark = { openfaas: "1" };
    const body = { name, labels: mark, annotations: { ...mark, note: " \u00fc " } };
    return (await call("POST", "/system/namespace/", body)).status;
  };

  async function deploy(colour: string): Promise<number> {
    const { image } = (await read("/system/function/sha256")) as { image: string };
    const answer = await call("POST", "/system/functions", {
      service: "teller",
      namespace: colour,
      image,
      envProcess: `/nodejs/bin/node -e ${PROGRAM}`,
      secrets: ["word"],
    });
    return answer.status;
  }

  const isGone = async (namespace: string): Promise<boolean> =>
    (await stack().kubectl("get", "namespace", namespace, "--ignore-not-found")) === "";

  describe("function namespaces", () => {
    let receiver: CallbackReceiver | undefined;

    afterAll(async () => {
      await receiver?.close();
      for (const namespace of [...COLOURS, "plain"]) {
        await stack().kubectl(
          "delete",
          "namespace",
          namespace,
          "--ignore-not-found",
          "--wait=false",
        );
      }
    });

    it("are made by the REST API, fit for functions at once", async () => {
      for (const colour of COLOURS) {
        expect(await create(colour)).toBe(201);
        expect((await call("POST", "/system/secrets", toSecret(colour))).status).toBe(202);
        expect(await deploy(colour)).toBe(202);
      }
      expect(await create("red")).toBe(409);
      expect(await read("/system/namespaces")).toEqual(["blue", "openfaas-fn", "red"]);
      expect(await read("/system/namespace/red")).toEqual({
        name: "red",
        labels: { openfaas: "1" },
        annotations: { openfaas: "1", note: " \u00fc " },
      });
    });

    it(
      "hold functions of the same name, each with the secret of its own namespace",
      async () => {
        for (const colour of COLOURS) {
          await waitForReplicas(colour, 1);
        }
        expect(await ask("teller.red")).toEqual([200, "secret of red/red"]);
        expect(await ask("teller.blue")).toEqual([200, "secret of blue/blue"]);
        expect((await ask("teller"))[0]).toBe(404);
        expect(await read("/system/secrets?namespace=red")).toEqual([
          { name: "word", namespace: "red" },
        ]);
      },
      120 * second,
    );

    it("show the log lines of their own function", async () => {
      let lines: LogLine[] = [];
      // What a function writes goes a way of its own, and may come after its answer.
      await until("what the function wrote", async () => {
        const answer = await call("GET", "/system/logs?name=teller&namespace=red");
        const text = (await answer.text()).trim();
        lines = text === "" ? [] : text.split("\n").map((line) => JSON.parse(line) as LogLine);
        return lines.some((line) => line.text.includes("asked"));
      });
      expect(new Set(lines.map(({ namespace }) => namespace))).toEqual(new Set(["red"]));
    });

    it(
      "take asynchronous calls, and report them under the whole name",
      async () => {
        // The cluster's way to this machine: the first address of its subnet.
        const host = new URL(stack().url).hostname.replace(/\d+$/, "1");
        receiver = await CallbackReceiver.start(host);
        const { received } = receiver;
        const answer = await fetch(`${stack().url}/async-function/teller.blue`, {
          method: "POST",
          headers: { "x-callback-url": receiver.url },
          signal: AbortSignal.timeout(60 * second),
        });
        expect(answer.status).toBe(202);
        await until("a callback", () => received.length > 0);
        expect(received).toMatchObject([
          {
            body: "secret of blue/blue",
            headers: { "x-function-name": "teller.blue", "x-function-status": "200" },
          },
        ]);
      },
      120 * second,
    );

    it(
      "are counted for themselves",
      async () => {
        const countOf = async (colour: string): Promise<number> => {
          const [first] = (await read(`/system/functions?namespace=${colour}`)) as {
            invocationCount?: number;
          }[];
          return first?.invocationCount ?? 0;
        };
        await until("Prometheus' count", async () => (await countOf("blue")) === 2, 60 * second);
        expect(await countOf("red")).toBe(1);
      },
      90 * second,
    );

    it(
      "start a function from zero when it is called",
      async () => {
        const scaled = { serviceName: "teller", namespace: "red", replicas: 0 };
        expect((await call("POST", "/system/scale-function/teller", scaled)).status).toBe(202);
        await waitForReplicas("red", undefined);
        expect(await ask("teller.red")).toEqual([200, "secret of red/red"]);
        expect((await describeTeller("blue")).availableReplicas).toBe(1);
      },
      120 * second,
    );

    it("give the gateway rights there, and none in any other", async () => {
      const canRead = async (namespace: string): Promise<string> => {
        const as = "--as=system:serviceaccount:openfaas:gateway";
        const answer = stack().kubectl("auth", "can-i", "get", "secrets", "-n", namespace, as);
        return (await answer.catch((error: unknown) => String(error))).includes("yes")
          ? "yes"
          : "no";
      };
      const namespaces = ["red", "openfaas-fn", "kube-system", "openfaas", "default"];
      expect(await Promise.all(namespaces.map(canRead))).toEqual(["yes", "yes", "no", "no", "no"]);
    });

    it(
      "are marked: a Function elsewhere says why it does not run",
      async () => {
        const kubectl: Stack["kubectl"] = (...args) => stack().kubectl(...args);
        await kubectl("create", "namespace", "plain");
        const folder = mkdtempSync(join(tmpdir(), "plonk-lost-"));
        const file = join(folder, "lost.json");
        writeFileSync(file, JSON.stringify(LOST));
        await kubectl("create", "-f", file);
        rmSync(folder, { recursive: true });
        const reason = "jsonpath={.status.conditions[0].reason}";
        await until("a condition", async () => {
          const found = await kubectl("get", "function", "lost", "-n", "plain", "-o", reason);
          return found === "NamespaceNotEnabled";
        });
        expect((await ask("lost.plain"))[0]).toBe(404);
        expect((await call("GET", "/system/functions?namespace=plain")).status).toBe(400);
        expect((await call("DELETE", "/system/namespace/plain")).status).toBe(404);
        expect((await call("DELETE", "/system/namespace/openfaas-fn")).status).toBe(409);
      },
      60 * second,
    );

    it(
      "go with all that is in them, and can be made again",
      async () => {
        expect((await call("DELETE", "/system/namespace/red")).status).toBe(202);
        expect(await read("/system/namespaces")).not.toContain("red");
        expect((await ask("teller.red"))[0]).toBe(404);
        await until("its end", () => isGone("red"), 90 * second);
        expect(await create("red")).toBe(201);
        expect(await read("/system/functions?namespace=red")).toEqual([]);
        // k3s may list for a moment what is deleted already.
        const secrets = async (): Promise<string> =>
          JSON.stringify(await read("/system/secrets?namespace=red"));
        await until("no secrets", async () => (await secrets()) === "[]");
        expect(await ask("teller.blue")).toEqual([200, "secret of blue/blue"]);
      },
      150 * second,
    );
  });
}

function toSecret(colour: string): object {
  return { name: "word", namespace: colour, value: `secret of ${colour}` };
}
