/** Looking for a cluster where it was made. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { checkPresence, parseStarted } from "../../../components/cluster/presence.ts";
import { ArgumentError } from "../../../components/errors.ts";
import { findFreePort } from "../../support/network.ts";

let directory: string;
const server = createServer((socket) => socket.destroy());

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "plonk-presence-"));
});

afterEach(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

async function listen(): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function problem(port: number): Promise<string> {
  const found: unknown = await checkPresence("uid-1", { directory, address: "127.0.0.1" }, port)
    .then(() => new ArgumentError(""))
    .catch((error: unknown) => error);
  expect(found).toBeInstanceOf(ArgumentError);
  return (found as ArgumentError).message;
}

it("finds the one that was made there", async () => {
  writeFileSync(join(directory, "uid"), "uid-1\n");
  expect(await problem(await listen())).toBe("");
});

it("finds one that answers while this process is too busy to see it", async () => {
  writeFileSync(join(directory, "uid"), "uid-1\n");
  const port = await listen();
  // Longer than an answer is waited for.
  const stall = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5200);
  const onConnect = (): void => process.nextTick(stall);
  subscribe("net.client.socket", onConnect);
  try {
    expect(await problem(port)).toBe("");
  } finally {
    unsubscribe("net.client.socket", onConnect);
  }
});

it("says that there is none", async () => {
  expect(await problem(1)).toBe(
    `${directory}: expected the cluster that was made here, found none`,
  );
});

it("says that it is another one", async () => {
  writeFileSync(join(directory, "uid"), "uid-2\n");
  expect(await problem(1)).toBe(
    `${directory}: expected the cluster with the UID uid-1 of kube-system, found uid-2`,
  );
});

it("says that it does not answer, and how to start it", async () => {
  writeFileSync(join(directory, "uid"), "uid-1\n");
  const port = await findFreePort();
  expect(await problem(port)).toBe(
    `${directory}: expected an answer of the cluster at 127.0.0.1:${port}, got connect ` +
      `ECONNREFUSED 127.0.0.1:${port}; sh '${directory}/start.sh' starts it`,
  );
});

it("reads what a node says that was started: its identity, then its kubeconfig", () => {
  expect(parseStarted("uid-1\nkind: Config\nusers: []")).toEqual({
    uid: "uid-1",
    kubeconfig: "kind: Config\nusers: []",
  });
});
