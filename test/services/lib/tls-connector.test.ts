/** Certificates that are renewed while a client goes on, on loopback. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { stringify } from "yaml";
import { readKubeConfig } from "../../../services/lib/kubeconfig.ts";
import { KubernetesClient } from "../../../services/lib/kubernetes.ts";
import { PrometheusApi } from "../../../services/lib/prometheus.ts";
import { listen } from "../../../services/lib/servers.ts";
import { Authority, type ServerIdentity } from "../../support/authority.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { writeLoginFiles } from "../../support/login-files.ts";
import { createKeptLog } from "../../support/logs.ts";

const HOST = "127.0.0.1";
const atEnd = collectCleanups(afterEach);

let folder: string;
let server: Server;
let url: string;
/** Certificates of the clients of each connection, PEM in one line; `none` without one. */
let clients: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "plonk-tls-"));
  atEnd(() => rmSync(folder, { recursive: true }));
});

/** Starts a server with an identity of the authority, which asks clients for theirs. */
async function serve(authority: Authority): Promise<void> {
  clients = [];
  const options = { ...authority.issue([HOST]), requestCert: true, rejectUnauthorized: false };
  server = createServer(options, (_request, response) => {
    // Each request has a connection of its own.
    response.shouldKeepAlive = false;
    response.end('{"data":{"resultType":"vector","result":[]}}');
  });
  server.on("secureConnection", (socket: TLSSocket) => {
    const { raw } = socket.getPeerCertificate();
    clients.push((raw as Buffer | undefined)?.toString("base64") ?? "none");
  });
  url = `https://${HOST}:${await listen(server, 0, HOST)}`;
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
}

/** The server has another identity from now on. */
const renew = (authority: Authority): void => server.setSecureContext(authority.issue([HOST]));

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const toDer = ({ cert }: ServerIdentity): string => cert.replaceAll(/-----.*?-----|\n/g, "");

/** What has become of it: `done`, or the code of the error. */
const outcome = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: unknown) => String((error as NodeJS.ErrnoException).code),
  );

const UNKNOWN = expect.stringMatching(/^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_SIGNATURE_FAILURE)$/);

describe("the client of Kubernetes' API", () => {
  let client: KubernetesClient;

  function create(): void {
    const cluster = { server: url, "certificate-authority": "ca.pem" };
    const user = { "client-certificate": "client.pem", "client-key": "client.key" };
    const file = {
      "current-context": "here",
      contexts: [{ name: "here", context: { cluster: "c", user: "u" } }],
      clusters: [{ name: "c", cluster }],
      users: [{ name: "u", user }],
    };
    write("kubeconfig", stringify(file));
    client = new KubernetesClient(readKubeConfig(join(folder, "kubeconfig")));
    atEnd(() => client.close());
  }

  function writeClient(identity: ServerIdentity): void {
    write("client.pem", identity.cert);
    write("client.key", identity.key);
  }

  const ask = (): Promise<string> => outcome(client.request("/api"));

  test("trusts an authority that takes the place of another, and that one no more", async () => {
    const [old, next] = [new Authority(), new Authority()];
    await serve(old);
    write("ca.pem", old.certificate);
    writeClient(old.issue(["one"]));
    create();
    expect([await ask(), await ask()]).toEqual(["done", "done"]);
    renew(next);
    expect(await ask()).toEqual(UNKNOWN);
    write("ca.pem", next.certificate);
    expect(await ask()).toBe("done");
    renew(old);
    expect(await ask()).toEqual(UNKNOWN);
  });

  test("shows the certificate that takes the place of another", async () => {
    const authority = new Authority();
    await serve(authority);
    const [one, two] = [authority.issue(["one"]), authority.issue(["two"])];
    write("ca.pem", authority.certificate);
    writeClient(one);
    create();
    expect(await ask()).toBe("done");
    writeClient(two);
    expect(await ask()).toBe("done");
    expect(clients).toEqual([toDer(one), toDer(two)]);
  });

  test("fails while a file is away, and goes on when it is there again", async () => {
    const authority = new Authority();
    await serve(authority);
    write("ca.pem", authority.certificate);
    writeClient(authority.issue(["one"]));
    create();
    rmSync(join(folder, "ca.pem"));
    expect(await ask()).toBe("ENOENT");
    write("ca.pem", authority.certificate);
    expect(await ask()).toBe("done");
  });
});

test("the client of Prometheus trusts an authority that comes, or takes a place", async () => {
  const [old, next] = [new Authority(), new Authority()];
  await serve(old);
  const api = new PrometheusApi({ url, secretPath: folder }, createKeptLog().logger, 60_000);
  atEnd(() => api.close());
  const ask = (): Promise<string> => outcome(api.queryByFunction("up"));
  expect(await ask()).toEqual(UNKNOWN);
  writeLoginFiles(folder, { ca: old.certificate });
  expect(await ask()).toBe("done");
  renew(next);
  expect(await ask()).toEqual(UNKNOWN);
  writeLoginFiles(folder, { ca: next.certificate });
  expect(await ask()).toBe("done");
});
