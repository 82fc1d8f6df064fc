/** `ServiceImage` pushes into real registries: with a password, with an authority of its own. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as http from "node:http";
import { request as send, type RequestListener, type Server } from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { type Cluster, ImageDeliveryMode } from "../../components/cluster/cluster.ts";
import { ServiceImage } from "../../components/service-image.ts";
import type { ImageArtifact } from "../../contract/index.ts";
import { Authority } from "../support/authority.ts";
import { findFreePort, stopServer } from "../support/network.ts";
import { until } from "../support/until.ts";
import { collectRegistrations, type Registration, settle, valueOf } from "./cluster/mocks.ts";
import { createImage, type Registry, startRegistry } from "./support/images.ts";

const folder = mkdtempSync(join(tmpdir(), "plonk-push-"));
const authority = new Authority();
const login = `Basic ${Buffer.from("ci:hunter2").toString("base64")}`;
const guards: Server[] = [];
let registrations: Registration[] = [];
let registry: Registry;
let image: ImageArtifact;
let digest = "";

beforeAll(async () => {
  registry = await startRegistry();
  image = createImage(folder);
  digest = image.reference.split("@")[1] ?? "";
  writeFileSync(join(folder, "authority.pem"), authority.certificate);
});

beforeEach(() => {
  registrations = collectRegistrations({ "command:local:Command": () => ({ stdout: "" }) });
});

afterAll(async () => {
  await pulumi.runtime.disconnect();
  await Promise.all(guards.map(stopServer));
  registry.stop();
  rmSync(folder, { recursive: true });
});

function clusterWith(start: string): Cluster {
  const imageDelivery = { mode: ImageDeliveryMode.Registry, targets: [], registry: start };
  const architectures = pulumi.output(["amd64", "arm64"]);
  return { imageDelivery, architectures, identity: "fake" } as unknown as Cluster;
}

interface Pushed {
  code: number | null;
  stderr: string;
}

/** Runs the one push that was declared, as the plugin does. */
async function push(env: Record<string, string> = {}): Promise<Pushed> {
  const { create, stdin } = registrations.find(({ name }) => name === "gw-push")?.inputs ?? {};
  const { DOCKER_CONFIG = mkdtempSync(join(folder, "docker-")) } = env;
  const pushing = spawn("sh", ["-c", String(create)], {
    env: { ...process.env, DOCKER_CONFIG, ...env },
    stdio: ["pipe", "ignore", "pipe"],
  });
  let stderr = "";
  pushing.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  pushing.stdin.end(stdin);
  const [code] = (await once(pushing, "close")) as [number | null];
  return { code, stderr };
}

/** Passes on to the registry what `refuse` did not answer. */
async function startGuard(
  create: (listener: RequestListener) => Server | https.Server,
  refuse: RequestListener = () => undefined,
): Promise<string> {
  const server = create((request, response) => {
    refuse(request, response);
    if (response.writableEnded) {
      return;
    }
    const { method, url, headers } = request;
    const [host, port] = registry.address.split(":");
    // On a connection of its own: one that the registry has just closed would fail the push.
    const onward = send({ host, port, method, path: url, headers, agent: false }, (answer) => {
      answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers));
    });
    request.pipe(onward);
  }) as Server;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  guards.push(server);
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const readDigest = (name: string): string =>
  execFileSync(registry.crane, ["digest", `${registry.address}/${name}`])
    .toString()
    .trim();

it("gets the image of all architectures under its own digest", async () => {
  const { address, crane } = registry;
  const cluster = clusterWith(`${address}/team`);
  const { reference } = new ServiceImage("gw", { image, cluster, crane });
  expect(await valueOf(reference)).toBe(`${address}/team/gateway:0.1.0@${digest}`);
  await settle();
  expect(registrations.map(({ name }) => name)).toEqual(["gw", "gw-push"]);
  // It is shown where it fails.
  const { create } = registrations[1]?.inputs ?? {};
  expect(create).toBe(`sh -s -- push '${address}/team/gateway:0.1.0'`);
  expect(await push()).toEqual({ code: 0, stderr: "" });
  expect(readDigest("team/gateway:0.1.0")).toBe(digest);
  execFileSync(crane, ["validate", "--remote", `${address}/team/gateway@${digest}`], {
    stdio: "pipe",
  });
});

it("gets one image before the others: what is wrong with it is said once", async () => {
  const cluster = clusterWith("r.example.com");
  const pushes = (): string[] =>
    registrations.map(({ name }) => name).filter((name) => name.endsWith("-push"));
  let finish = (): void => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  registrations = collectRegistrations({
    "command:local:Command": () => finished.then(() => ({ stdout: "" })),
  });
  const names = ["gw", "op", "rt"];
  const images = names.map((name) => new ServiceImage(name, { image, cluster }));
  await until("the first push", () => pushes().length > 0);
  await Promise.all(images.map(({ urn }) => valueOf(urn)));
  expect(pushes()).toEqual(["gw-push"]);
  finish();
  await settle();
  expect(pushes().sort()).toEqual(["gw-push", "op-push", "rt-push"]);
});

describe("a registry that asks for a password", () => {
  let address = "";

  beforeAll(async () => {
    address = await startGuard(http.createServer, ({ headers }, response) => {
      if (headers.authorization === login) {
        return;
      }
      response.writeHead(401, { "www-authenticate": 'Basic realm="registry"' }).end();
    });
  });

  const logIn = (password: string): Record<string, string> => {
    const DOCKER_CONFIG = mkdtempSync(join(folder, "docker-"));
    const auths = { [address]: { auth: Buffer.from(`ci:${password}`).toString("base64") } };
    writeFileSync(join(DOCKER_CONFIG, "config.json"), JSON.stringify({ auths }));
    return { DOCKER_CONFIG };
  };

  it("gets the image with the login of docker's configuration", async () => {
    new ServiceImage("gw", { image, cluster: clusterWith(address), crane: registry.crane });
    await settle();
    expect(await push(logIn("hunter2"))).toEqual({ code: 0, stderr: "" });
    expect(readDigest("gateway:0.1.0")).toBe(digest);
  });

  it.each([
    ["no", () => ({})],
    ["a wrong", () => logIn("hunter3")],
  ])("is named, with what to do, for %s login", async (_, toEnvironment) => {
    new ServiceImage("gw", { image, cluster: clusterWith(address), crane: registry.crane });
    await settle();
    const { code, stderr } = await push(toEnvironment());
    expect(stderr).toMatch(
      new RegExp(
        `^registry ${address}: expected a login that may push, by docker login ${address} or ` +
          `crane auth login ${address}; got HEAD http://${address}/v2/gateway/\\S+ ` +
          "unexpected status code 401 Unauthorized [^\n]*\n$",
      ),
    );
    expect(code).toBe(1);
  });
});

describe("a registry with the certificate of an authority of its own", () => {
  it("gets the image where the authority is trusted, and is named where it is not", async () => {
    const identity = authority.issue(["127.0.0.1"]);
    const address = await startGuard((listener) => https.createServer(identity, listener));
    new ServiceImage("gw", {
      image,
      cluster: clusterWith(`${address}/tls`),
      crane: registry.crane,
    });
    await settle();
    const { code, stderr } = await push();
    expect(stderr).toMatch(
      new RegExp(
        `^registry ${address}: expected a certificate that this machine trusts; ` +
          "SSL_CERT_FILE=<path> names the authority's; got [^\n]* certificate signed by unknown " +
          "authority[^\n]*\n$",
      ),
    );
    expect(code).toBe(1);
    const trusting = { SSL_CERT_FILE: join(folder, "authority.pem") };
    expect(await push(trusting)).toEqual({ code: 0, stderr: "" });
    expect(readDigest("tls/gateway:0.1.0")).toBe(digest);
  });
});

it("names a registry that cannot be reached", async () => {
  const address = `127.0.0.1:${await findFreePort()}`;
  new ServiceImage("gw", { image, cluster: clusterWith(address), crane: registry.crane });
  await settle();
  expect((await push()).stderr).toMatch(
    new RegExp(
      `^registry ${address}: expected to take ${address}/gateway:0\\.1\\.0; got [^\n]*refused\n$`,
    ),
  );
});
