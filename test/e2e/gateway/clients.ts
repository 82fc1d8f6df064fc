/** OpenFaaS' clients on a real cluster: a day with faas-cli, and a connector. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { CallbackReceiver } from "../../support/callback-receiver.ts";
import { Connector } from "../../support/connector.ts";
import { FaasCli } from "../../support/faas-cli.ts";
import type { Stack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";

const second = 1000;
const NAMESPACE = "clients";

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
`;

/** Declares the tests; `stack` gives the running stack, inside of tests. */
export function describeClients(stack: () => Stack): void {
  let cli: FaasCli;
  let image: string;
  let receiver: CallbackReceiver | undefined;

  beforeAll(async () => {
    cli = new FaasCli(stack().url, "admin", stack().password);
    ({ image } = await cli.describe("sha256"));
  });

  afterAll(async () => {
    await receiver?.close();
    if ((await cli.namespaces()).includes(NAMESPACE)) {
      await cli.deleteNamespace(NAMESPACE);
    }
  });

  const replicas = async (): Promise<number> =>
    (await cli.list(NAMESPACE)).find(({ name }) => name === "talker")?.availableReplicas ?? 0;

  async function waitForReplicas(count: number): Promise<void> {
    await until(`${count} replicas`, async () => (await replicas()) === count, 90 * second);
  }

  /** k3s may list for a moment what was there before: its lists come from a cache. */
  async function untilSecrets(expected: readonly string[]): Promise<void> {
    const list = async (): Promise<string> => (await cli.listSecrets(NAMESPACE)).join();
    await until(`secrets: ${expected.join()}`, async () => (await list()) === expected.join());
  }

  describe("faas-cli", () => {
    it("logs in, and finds the gateway ready", async () => {
      expect(await cli.login()).toBe(true);
      expect(await cli.ready()).toBe(true);
    });

    it("makes a namespace and gives it a label", async () => {
      await cli.createNamespace(NAMESPACE);
      expect(await cli.namespaces()).toContain(NAMESPACE);
      await cli.updateNamespace(NAMESPACE, { team: "a" });
      expect((await cli.namespace(NAMESPACE)).labels).toMatchObject({ openfaas: "1", team: "a" });
    });

    it("writes secrets", async () => {
      await cli.createSecret("word", "first", NAMESPACE);
      await cli.createSecret("unused", "x", NAMESPACE);
      await cli.updateSecret("word", "second", NAMESPACE);
      await cli.removeSecret("unused", NAMESPACE);
      await untilSecrets(["word"]);
    });

    it(
      "deploys a stack.yaml, waits until it is ready, and calls it",
      async () => {
        expect(await cli.deployStack(toStackFile(image))).toEqual({ talker: "created" });
        await until("a replica", () => cli.ready("talker", NAMESPACE), 90 * second);
        expect(await cli.invoke("talker", "hello", NAMESPACE)).toBe("second/hello");
        expect(await cli.deployStack(toStackFile(image))).toEqual({ talker: "updated" });
      },
      120 * second,
    );

    it("lists and describes the function", async () => {
      expect((await cli.list(NAMESPACE)).map(({ name }) => name)).toEqual(["talker"]);
      expect(await cli.describe("talker", NAMESPACE)).toMatchObject({
        image,
        labels: { "com.openfaas.scale.max": "3" },
        annotations: { topic: "orders" },
        replicas: 1,
      });
    });

    it(
      "calls through the queue, and the answer comes to the callback",
      async () => {
        // The machine's own address in the cluster's network.
        const host = new URL(stack().url).hostname.replace(/\d+$/, "1");
        receiver = await CallbackReceiver.start(host);
        const { received, url: callback } = receiver;
        const options = { namespace: NAMESPACE, callback };
        const callId = await cli.invokeAsync("talker", "later", options);
        await until("a callback", () => received.length > 0, 30 * second);
        expect(received[0]).toMatchObject({
          body: "second/later",
          headers: { "x-call-id": callId, "x-function-status": "200" },
        });
      },
      60 * second,
    );

    it(
      "shows what was logged, and what is logged while it follows",
      async () => {
        const past = await cli.logs("talker", { namespace: NAMESPACE, follow: false });
        expect(past.some(({ text }) => text.endsWith("stderr: asked"))).toBe(true);
        const count = past.length;
        const followed = cli.logs("talker", {
          namespace: NAMESPACE,
          follow: true,
          isEnough: (lines) => lines.filter(({ text }) => text.includes("asked")).length > count,
        });
        const caller = setInterval(() => void cli.invoke("talker", "x", NAMESPACE), second);
        const lines = await followed.finally(() => clearInterval(caller));
        expect(lines[0]).toMatchObject({ name: "talker", namespace: NAMESPACE });
        expect(lines.length).toBeGreaterThan(count);
      },
      90 * second,
    );

    it(
      "scales the function to two, to none, and wakes it by a call",
      async () => {
        await cli.scale("talker", 2, NAMESPACE);
        await waitForReplicas(2);
        await cli.scale("talker", 0, NAMESPACE);
        await waitForReplicas(0);
        // Pods that are about to end still answer: the first calls may wake nobody.
        const isAwake = async (): Promise<boolean> => {
          expect(await cli.invoke("talker", "awake", NAMESPACE)).toBe("second/awake");
          return (await replicas()) === 1;
        };
        await until("a replica", isAwake, 60 * second);
      },
      180 * second,
    );
  });

  describe("a connector", () => {
    it("calls who listens to a topic, at once or through the queue", async () => {
      const { url, password } = stack();
      const options = { url, user: "admin", password, name: "kafka-connector" };
      for (const [isAsynchronous, status] of [[false, 200] as const, [true, 202] as const]) {
        const connector = new Connector({ ...options, isAsynchronous });
        await connector.rebuild();
        const answers = await connector.publish("orders", "{}");
        expect(answers.map((answer) => answer.status)).toEqual([status]);
      }
    });
  });

  describe("faas-cli in the end", () => {
    it(
      "removes the function, the secret and the namespace",
      async () => {
        await cli.remove("talker", NAMESPACE);
        expect(await cli.list(NAMESPACE)).toEqual([]);
        await cli.removeSecret("word", NAMESPACE);
        await untilSecrets([]);
        await cli.deleteNamespace(NAMESPACE);
        const isGone = async (): Promise<boolean> => !(await cli.namespaces()).includes(NAMESPACE);
        await until("the end of the namespace", isGone, 60 * second);
      },
      90 * second,
    );
  });
}
