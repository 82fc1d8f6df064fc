/** The kubeconfig of the target `existing`: found and merged as kubectl does. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { RunError } from "@pulumi/pulumi";
import { parse, stringify } from "yaml";
import { loadKubeconfig } from "../../../stacks/targets/kubeconfig.ts";

const folder = mkdtempSync(join(tmpdir(), "plonk-kubeconfig-"));
const path = (name: string): string => join(folder, name);

/** A file with one context, cluster and user of each given name. */
function write(name: string, current: string, names: Record<string, string>): void {
  const entries = Object.entries(names);
  const content = {
    "current-context": current,
    clusters: entries.map(([name, mark]) => ({ name, cluster: { server: `https://${mark}` } })),
    contexts: entries.map(([name]) => ({ name, context: { cluster: name, user: name } })),
    users: entries.map(([name, mark]) => ({ name, user: { token: mark } })),
  };
  writeFileSync(path(name), stringify(content));
}

beforeAll(() => {
  write("a", "", { one: "a1", two: "a2" });
  write("b", "two", { two: "b2", three: "b3" });
  write("c", "three", {});
  mkdirSync(path(".kube"));
  write(".kube/config", "home", { home: "h" });
});

afterAll(() => rmSync(folder, { recursive: true }));

describe("the kubeconfig", () => {
  it("is that of the home folder by default", () => {
    expect(parse(loadKubeconfig("", { HOME: folder }))).toEqual({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "home",
      clusters: [{ name: "home", cluster: { server: "https://h" } }],
      contexts: [{ name: "home", context: { cluster: "home", user: "home" } }],
      users: [{ name: "home", user: { token: "h" } }],
    });
  });

  it("is merged of a list, where the first file that says something wins", () => {
    const KUBECONFIG = `${path("a")}::${path("missing")}:${path("b")}:${path("c")}`;
    const merged = parse(loadKubeconfig("", { HOME: folder, KUBECONFIG })) as {
      "current-context": string;
      users: unknown;
    };
    expect(merged["current-context"]).toBe("two");
    expect(merged.users).toEqual([
      { name: "one", user: { token: "a1" } },
      { name: "two", user: { token: "a2" } },
      { name: "three", user: { token: "b3" } },
    ]);
  });

  it("is the one file that is configured, whatever the environment says", () => {
    const text = loadKubeconfig(path("b"), { HOME: folder, KUBECONFIG: path("a") });
    expect(parse(text)).toMatchObject({ "current-context": "two", users: [{ name: "two" }, {}] });
  });

  it("holds the files that it names, as the state is read on other machines", () => {
    writeFileSync(path("ca.crt"), "the CA");
    const cluster = { server: "https://x", "certificate-authority": "ca.crt" };
    const user = {
      "client-certificate-data": "QQ==",
      "client-certificate": "gone.crt",
      tokenFile: "token",
      exec: { command: "bin/login", args: ["x"] },
    };
    const config = { clusters: [{ name: "x", cluster }], users: [{ name: "x", user }] };
    writeFileSync(path("files"), stringify(config));
    expect(parse(loadKubeconfig(path("files"), {}))).toMatchObject({
      clusters: [
        {
          name: "x",
          cluster: {
            server: "https://x",
            "certificate-authority-data": Buffer.from("the CA").toString("base64"),
          },
        },
      ],
      users: [
        {
          name: "x",
          user: {
            "client-certificate-data": "QQ==",
            tokenFile: path("token"),
            exec: { command: path("bin/login"), args: ["x"] },
          },
        },
      ],
    });
  });
});

describe("it is refused in one line that shows nothing of it", () => {
  it.each<[string, string, NodeJS.ProcessEnv]>([
    [`expected a kubeconfig file, got none at ${path("no")}`, path("no"), {}],
    [
      `expected a kubeconfig file, got none at ${path("x")}, ${path("y")}`,
      "",
      { KUBECONFIG: `${path("x")}:${path("y")}` },
    ],
    [`expected a kubeconfig, got something else in ${path("text")}`, path("text"), {}],
    [`expected the client-key at ${path("gone.key")}, got ENOENT`, path("gone"), {}],
  ])("%s", (message, configured, env) => {
    writeFileSync(path("text"), "hunter2");
    const user = { "client-key": "gone.key" };
    writeFileSync(path("gone"), stringify({ users: [{ name: "x", user }] }));
    expect(() => loadKubeconfig(configured, env)).toThrow(
      new RunError(`plonk:kubeconfig: ${message}`),
    );
  });
});
