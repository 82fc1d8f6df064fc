/** The queue-worker and the gateway on a NATS of somebody else's, which asks who they are. */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { nkeys } from "@nats-io/transport-node";
import type { QueueStatus } from "../../../contract/index.ts";
import { SHARED_PERMISSIONS } from "../../../contract/queue/index.ts";
import { listen } from "../../../services/lib/servers.ts";
import { createWorker, type Worker } from "../../../services/queue-worker/app.ts";
import { readConfig } from "../../../services/queue-worker/config.ts";
import { Authority } from "../../support/authority.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { echo, TestGateway } from "../../support/gateway.ts";
import { type LoginTexts, writeLoginFiles } from "../../support/login-files.ts";
import { createKeptLog, type KeptLog } from "../../support/logs.ts";
import { NatsServer } from "../../support/nats.ts";
import { createSignedUser } from "../../support/nats-users.ts";
import { stopServer } from "../../support/network.ts";
import { callSystem } from "../../support/system-client.ts";
import { until } from "../../support/until.ts";

const onTestEnd = collectCleanups(afterEach);

/** Starts a server by the rest of its configuration. */
async function startNats(config: string): Promise<NatsServer> {
  const nats = await NatsServer.create(config);
  onTestEnd(() => nats.destroy());
  return nats;
}

/** Writes the files of a Secret beside the server's store; returns their folder. */
function writeLogin(nats: NatsServer, texts: LoginTexts): string {
  return writeLoginFiles(join(nats.directory, "login"), texts);
}

interface Running {
  worker: Worker;
  log: KeptLog;
  calls: string[];
}

/** Starts a worker that logs in with these files; its calls are answered 200. */
async function startWorker(url: string, secretPath: string): Promise<Running> {
  const calls: string[] = [];
  const functions = createServer((request, response) => {
    calls.push(request.url ?? "");
    response.end();
  });
  const port = await listen(functions, 0, "127.0.0.1");
  const log = createKeptLog();
  const config = readConfig({
    nats_url: url,
    nats_secret_path: secretPath,
    faas_gateway_address: "127.0.0.1",
    faas_gateway_port: String(port),
  });
  const worker = createWorker({ config, logger: log.logger });
  worker.start();
  onTestEnd(async () => {
    await worker.close();
    await stopServer(functions);
  });
  return { worker, log, calls };
}

/** A gateway with the same files. */
async function startGateway(url: string, secretPath: string): Promise<TestGateway> {
  const gateway = await TestGateway.start({ nats_url: url, nats_secret_path: secretPath });
  onTestEnd(() => gateway.stop());
  await gateway.serve("f", echo);
  return gateway;
}

async function enqueue(gateway: TestGateway, body = ""): Promise<Response> {
  return await fetch(`${gateway.url}/async-function/f`, { method: "POST", body });
}

/** A call goes the whole way: the gateway makes the stream, the worker takes from it. */
async function expectCall(url: string, secretPath: string): Promise<void> {
  const { calls } = await startWorker(url, secretPath);
  const gateway = await startGateway(url, secretPath);
  await until("the call to be taken", async () => (await enqueue(gateway)).status === 202);
  await until("the call", () => calls.length > 0);
  expect(calls[0]).toBe("/function/f.openfaas-fn");
  await until("the queue to be empty", async () => {
    const { status, text } = await callSystem(`${gateway.url}/system/queue`);
    // A NATS that takes its time is no answer.
    const { pending, inFlight } = (status === 200 ? JSON.parse(text) : {}) as QueueStatus;
    return pending + inFlight === 0;
  });
}

describe("a NATS that asks who calls", () => {
  test("takes a user and a password", async () => {
    const nats = await startNats('authorization { user: "plonk", password: "p w\\"1" }\n');
    // As an editor or `kubectl create secret --from-file` leaves it.
    const folder = writeLogin(nats, { user: "plonk", password: 'p w"1\n' });
    await expectCall(`nats://127.0.0.1:${nats.port}`, folder);
  });

  test("needs to give its user no more rights than the README says", async () => {
    const { publish, subscribe } = SHARED_PERMISSIONS;
    const readme = readFileSync(join(import.meta.dirname, "../../../README.md"), "utf8");
    const [, told = ""] = /A user with least rights ([^]*?)\.\s/.exec(readme) ?? [];
    expect(told.match(/(?<=`)[^`\s,]+(?=`)/g)).toEqual([...publish, ...subscribe]);
    const rights = `permissions: ${JSON.stringify({ publish, subscribe })}`;
    const nats = await startNats(
      `authorization { users: [ { user: "plonk", password: "pw", ${rights} } ] }\n`,
    );
    const folder = writeLogin(nats, { user: "plonk", password: "pw" });
    await expectCall(`nats://127.0.0.1:${nats.port}`, folder);
  });

  test("takes a token", async () => {
    const nats = await startNats('authorization { token: "t0ken" }\n');
    await expectCall(`nats://127.0.0.1:${nats.port}`, writeLogin(nats, { token: "t0ken" }));
  });

  test("takes an nkey", async () => {
    const user = nkeys.createUser();
    const config = `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }\n`;
    const nats = await startNats(config);
    const seed = new TextDecoder().decode(user.getSeed());
    await expectCall(`nats://127.0.0.1:${nats.port}`, writeLogin(nats, { seed: `${seed}\n` }));
  });

  test("takes credentials of a signed user", async () => {
    const { config, credentials } = createSignedUser();
    const nats = await startNats(config);
    await expectCall(`nats://127.0.0.1:${nats.port}`, writeLogin(nats, { credentials }));
  });

  test("is asked again with what the files say by then", async () => {
    const toConfig = (password: string): string =>
      `authorization { user: "plonk", password: "${password}" }\n`;
    const nats = await startNats(toConfig("first"));
    const folder = writeLogin(nats, { user: "plonk", password: "first" });
    const url = `nats://127.0.0.1:${nats.port}`;
    const gateway = await startGateway(url, folder);
    await until("the call to be taken", async () => (await enqueue(gateway)).status === 202);
    writeLogin(nats, { password: "second" });
    await nats.configure(toConfig("second"));
    await nats.halt("SIGKILL");
    await nats.start();
    await until("it to be taken again", async () => (await enqueue(gateway)).status === 202);
  });

  test("is named with its reason when it refuses, and no secret is", async () => {
    const nats = await startNats('authorization { user: "plonk", password: "right" }\n');
    const url = `nats://127.0.0.1:${nats.port}`;
    const folder = writeLogin(nats, { user: "plonk", password: "wrong-word" });
    const { worker, log } = await startWorker(url, folder);
    await until("the refusal", () => (worker.health.problems()[0] ?? "").length > 60);
    expect(worker.health.problems()[0]).toBe(
      `nats: not connected to ${url}: Authorization Violation`,
    );
    expect(log.text()).not.toContain("wrong-word");
    writeLogin(nats, { password: "right" });
    await until("the connection", () => !worker.health.problems().join().includes("nats:"));
  });
});

describe("a NATS with TLS", () => {
  const authority = new Authority();

  async function startSecure(more = ""): Promise<NatsServer> {
    const nats = await startNats("");
    const { key, cert } = authority.issue(["127.0.0.1"]);
    const files = { key, cert, ca: authority.certificate };
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(nats.directory, `server.${name}`), text);
    }
    const toPath = (name: string): string => join(nats.directory, `server.${name}`);
    await nats.halt();
    await nats.configure(
      `tls { cert_file: "${toPath("cert")}", key_file: "${toPath("key")}", ca_file: "${toPath("ca")}"${more} }\n`,
    );
    await nats.start();
    return nats;
  }

  test("is trusted by its authority", async () => {
    const nats = await startSecure();
    const folder = writeLogin(nats, { ca: authority.certificate });
    await expectCall(`tls://127.0.0.1:${nats.port}`, folder);
  });

  test("knows the platform by its certificate", async () => {
    const nats = await startSecure(", verify: true");
    const { key, cert } = authority.issue(["plonk"]);
    const files = { ca: authority.certificate, certificate: cert, privateKey: key };
    await expectCall(`tls://127.0.0.1:${nats.port}`, writeLogin(nats, files));
  });

  test("is not believed without its authority", async () => {
    const nats = await startSecure();
    const { worker } = await startWorker(`tls://127.0.0.1:${nats.port}`, writeLogin(nats, {}));
    await until("the refusal", () => (worker.health.problems()[0] ?? "").includes("certificate"));
  });

  test("is not taken for one that only speaks plain text", async () => {
    const nats = await startNats("");
    const { worker } = await startWorker(`tls://127.0.0.1:${nats.port}`, writeLogin(nats, {}));
    await until("the refusal", () => (worker.health.problems()[0] ?? "").includes("support"));
    expect(worker.health.problems()[0]).toContain("server does not support 'tls'");
  });
});

test("a NATS that takes less than ours: bodies go in pieces, and long headers are answered 413", async () => {
  const nats = await startNats("max_payload: 32768\n");
  const url = `nats://127.0.0.1:${nats.port}`;
  const gateway = await startGateway(url, nats.directory);
  await until("the call to be taken", async () => (await enqueue(gateway)).status === 202);
  const answer = await enqueue(gateway, "x".repeat(1_000_000));
  expect(answer.status).toBe(202);
  const { calls } = await startWorker(url, nats.directory);
  await until("both calls", () => calls.length === 2);
  const headers = { "x-long": "x".repeat(20_000) };
  const refused = await fetch(`${gateway.url}/async-function/f`, { method: "POST", headers });
  expect([refused.status, await refused.text()]).toEqual([
    413,
    expect.stringContaining("message: expected at most 32768 bytes, got"),
  ]);
});
