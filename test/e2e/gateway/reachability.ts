/** Who reaches whom on a real cluster: NetworkPolicies are on by default, and hold. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Stack } from "../../support/stack.ts";
import { callSystem } from "../../support/system-client.ts";
import { until } from "../../support/until.ts";

const second = 1000;
const NAME = "probe";

/** Tries to open a connection to each address; says open, or why not. */
const CODE = `
import { connect } from "node:net";
import { lookup } from "node:dns/promises";
const open = (target) => new Promise((resolve) => {
  const [, host, port] = /^(.*):(\\d+)$/.exec(target);
  const socket = connect({ host, port: Number(port), timeout: 10_000 });
  const end = (word) => { socket.destroy(); resolve([target, word]); };
  socket.on("connect", () => end("open")).on("timeout", () => end("closed"));
  socket.on("error", () => end("closed"));
});
export default async ({ body }) => {
  const { targets, names } = JSON.parse(Buffer.from(body).toString());
  const found = await Promise.all(names.map((name) => lookup(name).then(() => name, () => "")));
  return JSON.stringify({ ports: Object.fromEntries(await Promise.all(targets.map(open))), found });
};
`;

/** A pod of somebody else's, in a namespace of theirs, that does the same. */
function toStranger(image: string, targets: readonly string[]): object {
  const text = `const code = ${JSON.stringify(CODE)};
    import("data:text/javascript," + encodeURIComponent(code)).then(async (module) =>
      console.log(await module.default({ body: ${JSON.stringify(JSON.stringify({ targets, names: [] }))} })));`;
  return {
    spec: {
      restartPolicy: "Never",
      containers: [{ name: "stranger", image, command: ["/nodejs/bin/node", "-e", text] }],
    },
  };
}

interface Findings {
  ports: Record<string, string>;
  found: string[];
}

/** Declares the tests; `stack` gives the running stack, inside of tests. */
export function describeReachability(stack: () => Stack): void {
  const kubectl = (...args: string[]): Promise<string> => stack().kubectl(...args);

  async function askFunction(targets: readonly string[], names: string[]): Promise<Findings> {
    const body = JSON.stringify({ targets, names });
    const { text } = await callSystem(`${stack().url}/function/${NAME}`, { body });
    return JSON.parse(text) as Findings;
  }

  const addressOf = async (namespace: string, selector: string): Promise<string> =>
    await kubectl(
      ...["get", "pods", "-n", namespace, "-l", selector],
      ...["-o", "jsonpath={.items[0].status.podIP}"],
    );

  /** Parts of the platform by Service and by pod, which policies see as the same. */
  async function listPlatform(): Promise<string[]> {
    const ports = { nats: 4222, prometheus: 9090, alertmanager: 9093 };
    const pods = Object.entries({ ...ports, operator: 8082, "queue-worker": 8082 }).map(
      async ([name, port]) =>
        `${await addressOf("openfaas", `app.kubernetes.io/name=${name}`)}:${port}`,
    );
    const services = Object.entries(ports).map(([name, port]) => `${name}.openfaas:${port}`);
    return [...services, ...(await Promise.all(pods)), "gateway.openfaas:8082"];
  }

  const toExpected = (word: string, targets: readonly string[]): Record<string, string> =>
    Object.fromEntries(targets.map((target) => [target, word]));

  describe("reachability", () => {
    beforeAll(async () => {
      const { url, password } = stack();
      const authorization = `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`;
      const deployment = { method: "POST", body: { service: NAME, code: CODE } };
      await callSystem(`${url}/system/functions`, { ...deployment, headers: { authorization } });
      const answers = async (): Promise<boolean> =>
        (await callSystem(`${url}/function/${NAME}`, { body: '{"targets":[],"names":[]}' }))
          .text === '{"ports":{},"found":[]}';
      await until("the probe", answers, 60 * second);
    }, 90 * second);

    afterAll(async () => {
      const { url, password } = stack();
      const authorization = `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`;
      const deletion = { method: "DELETE", body: { functionName: NAME } };
      await callSystem(`${url}/system/functions`, { ...deletion, headers: { authorization } });
      await kubectl("delete", "pod", "stranger", "-n", "default", "--ignore-not-found");
    });

    it(
      "functions reach the gateway and DNS, and nothing else of platform and cluster",
      async () => {
        const node = new URL(stack().url).hostname;
        const api = "kubernetes.default:443";
        const other = `${await addressOf("openfaas-fn", "faas_function=hello")}:8080`;
        const closed = [
          ...(await listPlatform()),
          api,
          `${node}:6443`,
          `${node}:10250`,
          "169.254.169.254:80",
          other,
        ];
        const open = ["gateway.openfaas:8080", "kube-dns.kube-system:53"];
        // What a pod may reach is enforced a moment after it has begun to answer.
        const isEnforced = async (): Promise<boolean> =>
          (await askFunction([api], [])).ports[api] === "closed";
        await until("the policies of the new pod", isEnforced);
        const { ports, found } = await askFunction([...closed, ...open], ["gateway.openfaas"]);
        expect(ports).toEqual({ ...toExpected("closed", closed), ...toExpected("open", open) });
        expect(found).toEqual(["gateway.openfaas"]);
      },
      120 * second,
    );

    it(
      "pods of others reach the gateway and no other part of the platform",
      async () => {
        const image = await kubectl(
          ...["get", "pods", "-n", "openfaas-fn", "-l", `faas_function=${NAME}`],
          ...["-o", "jsonpath={.items[0].spec.containers[0].image}"],
        );
        const fn = `${await addressOf("openfaas-fn", "faas_function=hello")}:8080`;
        const closed = [...(await listPlatform()), fn];
        const open = ["gateway.openfaas:8080", "kubernetes.default:443"];
        const overrides = JSON.stringify(toStranger(image, [...closed, ...open]));
        await kubectl(
          ...["run", "stranger", "-n", "default", `--image=${image}`, "--restart=Never"],
          `--overrides=${overrides}`,
        );
        const isDone = async (): Promise<boolean> =>
          (await kubectl(
            ...["get", "pod", "stranger", "-n", "default", "-o", "jsonpath={.status.phase}"],
          )) === "Succeeded";
        await until("the stranger's end", isDone, 60 * second);
        const { ports } = JSON.parse(
          await kubectl("logs", "stranger", "-n", "default"),
        ) as Findings;
        expect(ports).toEqual({ ...toExpected("closed", closed), ...toExpected("open", open) });
      },
      90 * second,
    );

    it(
      "Prometheus reaches the metrics of every part",
      async () => {
        const path =
          "/api/v1/namespaces/openfaas/services/prometheus:9090/proxy/api/v1/query?query=" +
          encodeURIComponent('up{job!="functions"}');
        const isComplete = async (): Promise<boolean> => {
          const answer = JSON.parse(await kubectl("get", "--raw", path)) as {
            data: { result: { metric: { job: string }; value: [number, string] }[] };
          };
          const up = answer.data.result.filter(({ value }) => value[1] === "1");
          return new Set(up.map(({ metric }) => metric.job)).size === 6;
        };
        await until("all six jobs", isComplete, 60 * second);
      },
      90 * second,
    );
  });
}
