/** Three servers of k3s with its embedded etcd, as k3s' documentation sets them up. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { acquire } from "../../../toolchain/acquire.ts";
import { until } from "../../support/until.ts";
import { type Server, ServerNetwork } from "./servers.ts";

const SUBNET = 209;
/** So that a hang ends: the machine may be busy, and etcd first has to choose another leader. */
const PATIENCE_MS = 300_000;

let network: ServerNetwork;
let first: Server;
let others: Server[];

beforeAll(async () => {
  const { path } = await acquire("k3s");
  network = new ServerNetwork(SUBNET);
  const token = "one-for-all";
  first = network.add(path, { token, "cluster-init": true });
  const server = `https://${first.address}:6443`;
  others = [1, 2].map(() => network.add(path, { token, server }));
}, 600_000);

afterAll(() => network.remove(), 120_000);

/** Asks a server again until it does what it is told. */
async function insist(server: Server, args: string[], input = ""): Promise<string> {
  let output = "";
  await until(
    `kubectl ${args.join(" ")} on ${server.name} to go well`,
    () => {
      const run = server.kubectl(args, input);
      output = run.output;
      return run.code === 0;
    },
    PATIENCE_MS,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}, got ${output}`);
  });
  return output;
}

/** Applied, not created: what failed for the client may have been done nevertheless. */
function note(server: Server, name: string): Promise<string> {
  const data = { by: server.name };
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
  return insist(server, ["apply", "-f", "-"], JSON.stringify(object));
}

const authorOf = (server: Server, name: string): Promise<string> =>
  insist(server, ["get", "configmap", name, "-o", "jsonpath={.data.by}"]);

it("takes in two more servers, each of which votes", async () => {
  await first.start();
  await Promise.all(others.map((server) => server.start()));
  await insist(first, ["wait", "nodes", "--all", "--for=condition=EtcdIsVoter"]);
  const columns = "jsonpath={range .items[*]}{.metadata.name} {end}";
  const names = await insist(first, ["get", "nodes", "-o", columns]);
  expect(names.trim().split(" ").sort()).toEqual([first, ...others].map(({ name }) => name));
  for (const { directory } of [first, ...others]) {
    expect(existsSync(join(directory, "data/server/db/etcd/member"))).toBe(true);
    expect(existsSync(join(directory, "data/server/db/state.db"))).toBe(false);
  }
}, 600_000);

it("reads and writes on when one server is lost, and that one comes back", async () => {
  const [second, third] = others as [Server, Server];
  await note(first, "before");
  first.kill();
  expect(await authorOf(second, "before")).toBe(first.name);
  await note(second, "meanwhile");
  expect(await authorOf(third, "meanwhile")).toBe(second.name);

  await first.start();
  expect(await authorOf(first, "meanwhile")).toBe(second.name);
  await note(first, "after");
  expect(await authorOf(third, "after")).toBe(first.name);
}, 600_000);

it("goes without a trace", () => {
  expect(network.traces()).not.toEqual([]);
  network.remove();
  expect(network.traces()).toEqual([]);
});
