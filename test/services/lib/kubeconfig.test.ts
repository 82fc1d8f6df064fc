/** How the Kubernetes API is found. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { stringify } from "yaml";
import {
  inClusterConnection,
  loadConnection,
  readKubeConfig,
} from "../../../services/lib/kubeconfig.ts";

const directory = mkdtempSync(join(tmpdir(), "plonk-kubeconfig-"));
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, user: object, cluster: object = {}): string {
  const path = join(directory, name);
  const file = {
    "current-context": "here",
    contexts: [
      { name: "there", context: { cluster: "x", user: "x" } },
      { name: "here", context: { cluster: "c", user: "u" } },
    ],
    clusters: [{ name: "c", cluster: { server: "https://198.18.0.1:6443/", ...cluster } }],
    users: [{ name: "u", user }],
  };
  writeFileSync(path, stringify(file));
  return path;
}

describe("readKubeConfig", () => {
  test("reads a client certificate that is inside the file", () => {
    const data = (text: string): string => Buffer.from(text).toString("base64");
    const path = write(
      "inline",
      { "client-certificate-data": data("cert"), "client-key-data": data("key") },
      { "certificate-authority-data": data("ca") },
    );
    const connection = readKubeConfig(path);
    expect(connection.server).toBe("https://198.18.0.1:6443");
    const { ca, cert, key } = connection.readTls?.() ?? {};
    expect([ca, cert, key].map(String)).toEqual(["ca", "cert", "key"]);
    expect(connection.token).toBeUndefined();
  });

  test("reads files that lie beside the kubeconfig", () => {
    writeFileSync(join(directory, "ca.pem"), "ca");
    writeFileSync(join(directory, "token.txt"), "t0ken\n");
    const path = write("files", { tokenFile: "token.txt" }, { "certificate-authority": "ca.pem" });
    const connection = readKubeConfig(path);
    expect(connection.readTls?.()).toEqual({ ca: Buffer.from("ca") });
    expect(connection.token?.()).toBe("t0ken");
  });

  test("reads renewed files, and names one that is missing at the start", () => {
    const names = ["authority.pem", "client.pem", "client.key"];
    const user = { "client-certificate": "client.pem", "client-key": "client.key" };
    const path = write("renewed", user, { "certificate-authority": "authority.pem" });
    expect(() => readKubeConfig(path)).toThrow("authority.pem");
    names.forEach((name) => writeFileSync(join(directory, name), "old"));
    const { readTls } = readKubeConfig(path);
    names.forEach((name) => writeFileSync(join(directory, name), `new ${name}`));
    expect(readTls?.()).toEqual({
      ca: Buffer.from("new authority.pem"),
      cert: Buffer.from("new client.pem"),
      key: Buffer.from("new client.key"),
    });
  });

  test("reads a token, a server name and the wish not to verify", () => {
    const cluster = { "tls-server-name": "kube", "insecure-skip-tls-verify": true };
    const connection = readKubeConfig(write("token", { token: "abc" }, cluster));
    expect(connection.token?.()).toBe("abc");
    expect(connection).toMatchObject({ tlsServerName: "kube", isInsecure: true });
  });

  test.each(["exec", "auth-provider", "username"])("refuses %s by name", (part) => {
    expect(() => readKubeConfig(write("bad", { [part]: {} }))).toThrow(
      `user.${part}: expected a token or a client certificate`,
    );
  });

  test("names the file that is missing and the entry that is missing", () => {
    expect(() => readKubeConfig(join(directory, "none"))).toThrow("none which does not exist");
    const path = join(directory, "empty");
    writeFileSync(path, "current-context: x\n");
    expect(() => readKubeConfig(path)).toThrow('contexts: expected an entry named "x", got none');
  });
});

describe("loadConnection", () => {
  test("takes the first file of KUBECONFIG", () => {
    const path = write("first", { token: "abc" });
    const env = { KUBECONFIG: `${path}:/nowhere`, KUBERNETES_SERVICE_HOST: "10.43.0.1" };
    expect(loadConnection(env).server).toBe("https://198.18.0.1:6443");
  });
});

describe("inClusterConnection", () => {
  test("reads the ServiceAccount, and brackets an IPv6 address", () => {
    writeFileSync(join(directory, "ca.crt"), "ca");
    writeFileSync(join(directory, "token"), "account\n");
    const connection = inClusterConnection("fd00::1", "443", directory);
    expect(connection.server).toBe("https://[fd00::1]:443");
    expect(connection.token?.()).toBe("account");
    writeFileSync(join(directory, "ca.crt"), "renewed");
    expect(connection.readTls?.()).toEqual({ ca: Buffer.from("renewed") });
  });
});
