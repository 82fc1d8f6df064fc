/** OpenFaaS' own clients on a real cluster: a day with faas-cli, its Go SDK, and a connector. */
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { CallbackReceiver } from "../../support/callback-receiver.ts";
import {
  buildClient,
  connect,
  type Ended,
  FaasCli,
  type GatewayLogin,
  runGoSdk,
  type SdkResult,
} from "../../support/openfaas-clients.ts";
import type { Stack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";

const second = 1000;
const NAMESPACE = "clients";

/** For the compiler, where nothing has been built yet. */
const BUILD_MS = 600 * second;

/** Says its secret and what it was sent; without blanks, at which the watchdog splits. */
const PROGRAM = [
  "console.error('asked');",
  "const{readFileSync:read}=require('fs');",
  "process.stdout.write(read('/var/openfaas/secrets/word','utf8')+'/'+read(0,'utf8'))",
].join("");

const toStackFile = (image: string): string => `
version: 1.0
provider:
  name: openfaas
functions:
  talker:
    image: ${image}
    namespace: ${NAMESPACE}
    fprocess: /nodejs/bin/node -e ${PROGRAM}
    secrets: [word]
    labels:
      com.openfaas.scale.max: "3"
    annotations:
      topic: orders
  bare:
    image: ${image}
    namespace: ${NAMESPACE}
    fprocess: cat
    readonly_root_filesystem: true
`;

/** Declares the tests; `stack` gives the running stack, inside of tests. */
export function describeClients(stack: () => Stack): void {
  let cli: FaasCli;
  let receiver: CallbackReceiver | undefined;

  beforeAll(async () => {
    cli = await FaasCli.create();
    await Promise.all((["go-sdk", "connector"] as const).map(buildClient));
  }, BUILD_MS);

  afterAll(async () => {
    await receiver?.close();
    await cli.remove();
    const [namespaces] = await sdk({ do: "namespaces" });
    if ((namespaces?.value as string[]).includes(NAMESPACE)) {
      await sdk({ do: "delete namespace", name: NAMESPACE });
    }
  });

  const login = (): GatewayLogin => ({
    ...{ url: stack().url, user: "admin", password: stack().password },
  });
  const sdk = (...steps: object[]): Promise<SdkResult[]> => runGoSdk(login(), steps);

  /** Runs faas-cli; blanks part the arguments. */
  const run = (line: string, input = ""): Promise<Ended> =>
    cli.run(line.split(" "), { gateway: stack().url, input });

  /** The same in the namespace of these tests; what it writes, when it succeeds. */
  async function succeed(line: string, input = ""): Promise<string> {
    const { code, stdout, stderr } = await run(`${line} --namespace ${NAMESPACE}`, input);
    expect([line, code, code === 0 ? "" : stdout + stderr]).toEqual([line, 0, ""]);
    return stdout;
  }

  async function replicas(): Promise<number> {
    const [found] = await sdk({ do: "function", name: "talker", namespace: NAMESPACE });
    return (found?.value as { availableReplicas?: number }).availableReplicas ?? 0;
  }

  async function waitForReplicas(count: number): Promise<void> {
    await until(`${count} replicas`, async () => (await replicas()) === count, 90 * second);
  }

  /** k3s may list for a moment what was there before: its lists come from a cache. */
  async function untilSecrets(expected: readonly string[]): Promise<void> {
    await until(`secrets: ${expected.join()}`, async () => {
      const [found] = await sdk({ do: "secrets", namespace: NAMESPACE });
      const names = (found?.value as { name: string }[] | null) ?? [];
      return names.map(({ name }) => name).join() === expected.join();
    });
  }

  describe("faas-cli and its SDK", () => {
    it("log in with the password, and find the gateway", async () => {
      const stdout = expect.stringContaining("credentials saved for admin");
      const args = "login --username admin --password-stdin";
      expect(await run(args, stack().password)).toMatchObject({ code: 0, stdout });
      const { stdout: version } = await run("version --warn-update=false");
      expect(version).toMatch(/name: +plonk\n orchestration: kubernetes\n/);
    });

    it("make a namespace and give it a label", async () => {
      const space = { name: NAMESPACE, labels: { openfaas: "1" }, annotations: { openfaas: "1" } };
      const results = await sdk(
        { do: "create namespace", space },
        { do: "update namespace", space: { ...space, labels: { openfaas: "1", team: "a" } } },
        { do: "namespace", name: NAMESPACE },
      );
      expect(results.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
      expect(results[2]?.value).toMatchObject({ labels: { openfaas: "1", team: "a" } });
      expect((await run("namespaces")).stdout).toContain(` - ${NAMESPACE}\n`);
    });

    it("write secrets", async () => {
      await succeed("secret create word --from-literal=first");
      await succeed("secret create unused --from-literal=x");
      await succeed("secret update word --from-literal=second");
      await succeed("secret remove unused");
      await untilSecrets(["word"]);
      expect(await succeed("secret list")).toMatch(/^word *$/m);
    });

    it(
      "deploy a stack.yml, wait until it is ready, and call it",
      async () => {
        const [known] = await sdk({ do: "function", name: "sha256", namespace: "openfaas-fn" });
        const { image } = known?.value as { image: string };
        await writeFile(cli.file("stack.yml"), toStackFile(image));
        expect(await run("deploy -f stack.yml")).toMatchObject({ code: 0 });
        await until(
          "a replica",
          async () => /^Status: +Ready$/m.test(await succeed("describe talker")),
          90 * second,
        );
        expect(await succeed("invoke talker", "hello")).toBe("second/hello");
        expect(await succeed("describe talker")).toMatch(
          /Image: +\S+@sha256:\w+\n.*\nURL: .*Labels: +com.openfaas.scale.max : 3\n.*topic : orders\n/s,
        );
        expect((await succeed("list --quiet")).split("\n")).toEqual(["bare", "talker", ""]);
        // The same again: nothing changes, and the pod stays.
        expect(await run("deploy -f stack.yml")).toMatchObject({ code: 0 });
        expect(await succeed("invoke talker", "again")).toBe("second/again");
      },
      120 * second,
    );

    it(
      "deploy a function of the store, and call it",
      async () => {
        const store = `--url ${stack().url}/store`;
        expect((await run(`store list ${store}`)).stdout).toContain("Word count ");
        await succeed(`store deploy wordcount ${store}`);
        await until(
          "a replica",
          async () => /^Status: +Ready$/m.test(await succeed("describe wordcount")),
          90 * second,
        );
        const told = await succeed("invoke wordcount", "two words\n");
        expect(JSON.parse(told)).toEqual({ lines: 1, words: 2, bytes: 10 });
        await succeed("remove wordcount");
      },
      120 * second,
    );

    it(
      "call through the queue, and the answer comes to the callback",
      async () => {
        // The machine's own address in the cluster's network.
        const host = new URL(stack().url).hostname.replace(/\d+$/, "1");
        receiver = await CallbackReceiver.start(host);
        const { received, url: callback } = receiver;
        await succeed(`invoke talker --async --header X-Callback-Url=${callback}`, "later");
        await until("a callback", () => received.length > 0);
        expect(received[0]).toMatchObject({
          body: "second/later",
          headers: { "x-function-status": "200" },
        });
      },
      120 * second,
    );

    it(
      "show what was logged, and what is logged while they follow",
      async () => {
        const isAsked = (line: string): boolean => line.includes("asked");
        const past = (await succeed("logs talker --tail=false")).split("\n").filter(isAsked);
        expect(past.length).toBeGreaterThan(0);
        const args = ["logs", "talker", "--namespace", NAMESPACE];
        const calls: Promise<Ended>[] = [];
        const caller = setInterval(
          () => calls.push(run(`invoke talker --namespace ${NAMESPACE}`, "x")),
          second,
        );
        let seen = 0;
        try {
          for await (const line of cli.follow(args, { gateway: stack().url })) {
            seen += isAsked(line) ? 1 : 0;
            if (seen > past.length) {
              break;
            }
          }
        } finally {
          clearInterval(caller);
          // Later on one would wake the function.
          await Promise.all(calls);
        }
        expect(seen).toBe(past.length + 1);
      },
      90 * second,
    );

    it(
      "scale the function to two, to none, and wake it by a call",
      async () => {
        const step = { do: "scale", name: "talker", namespace: NAMESPACE };
        await sdk({ ...step, replicas: 2 });
        await waitForReplicas(2);
        await sdk({ ...step, replicas: 0 });
        await waitForReplicas(0);
        // Pods that are about to end still answer: the first calls may wake nobody.
        const isAwake = async (): Promise<boolean> => {
          expect(await succeed("invoke talker", "awake")).toBe("second/awake");
          return (await replicas()) === 1;
        };
        await until("a replica", isAwake, 60 * second);
      },
      180 * second,
    );
  });

  describe("a connector", () => {
    it("calls who listens to a topic, at once or through the queue", async () => {
      const options = { ...login(), topic: "orders" };
      const [now] = await connect({ ...options, isAsync: false }, "{}", 1);
      expect(now).toMatchObject({
        ...{ function: `talker.${NAMESPACE}`, status: 200, body: "second/{}" },
      });
      const [later] = await connect({ ...options, isAsync: true }, "{}", 1);
      expect(later).toMatchObject({ function: `talker.${NAMESPACE}`, status: 202 });
    });
  });

  describe("faas-cli in the end", () => {
    it(
      "removes the functions of the file, the secret and the namespace",
      async () => {
        expect(await run("remove -f stack.yml")).toMatchObject({ code: 0 });
        expect(await succeed("list --quiet")).toBe("");
        await succeed("secret remove word");
        await untilSecrets([]);
        await sdk({ do: "delete namespace", name: NAMESPACE });
        const isGone = async (): Promise<boolean> =>
          !(await run("namespaces")).stdout.includes(NAMESPACE);
        await until("the end of the namespace", isGone, 60 * second);
      },
      90 * second,
    );
  });
}
