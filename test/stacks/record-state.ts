/** Records the state of this version: brings the stack up on this machine, and removes it again. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import type { Engine, RunResult } from "../support/pulumi.ts";
import { createProgramEngine, HOME, toPath } from "./recorded.ts";

/** In the place of the cluster's own: nobody answers there. */
const KUBECONFIG = stringify({
  apiVersion: "v1",
  kind: "Config",
  "current-context": "default",
  clusters: [{ name: "default", cluster: { server: "https://127.0.0.1:1" } }],
  contexts: [{ name: "default", context: { cluster: "default", user: "default" } }],
  users: [{ name: "default", user: { token: "none" } }],
});

function requireSuccess({ code, output }: Pick<RunResult, "code" | "output">): string {
  if (code === 0) {
    return output;
  }
  throw new Error(output);
}

/** What the engine notes of the machine and of the time. */
const DROPPED = ["sourcePosition", "stackTrace", "created", "modified", "manifest"];

/** Replaces a text, also where it is part of a text in JSON, as in secrets. */
function replaceDeep(value: unknown, from: string, to: string): unknown {
  if (typeof value === "string") {
    const inner = JSON.stringify(from).slice(1, -1);
    return value.replaceAll(from, to).replaceAll(inner, JSON.stringify(to).slice(1, -1));
  }
  if (Array.isArray(value)) {
    return value.map((item) => replaceDeep(item, from, to));
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const entries = Object.entries(value).map(([key, item]) => [key, replaceDeep(item, from, to)]);
  return Object.fromEntries(entries);
}

/** The state with its secrets in plain text, as none of them is one any more. */
async function record(engine: Engine): Promise<string> {
  requireSuccess(await engine.up());
  const exported = await engine.pulumi(["stack", "export", "--show-secrets"]);
  const state: unknown = JSON.parse(requireSuccess(exported));
  const { kubeconfig } = await engine.outputs();
  const drop = (key: string, value: unknown): unknown =>
    DROPPED.includes(key) ? undefined : value;
  return JSON.stringify(replaceDeep(state, String(kubeconfig), KUBECONFIG), drop, 1);
}

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
const engine = await createProgramEngine();
try {
  writeFileSync(toPath(version), `${await record(engine)}\n`);
} finally {
  requireSuccess(await engine.destroy());
  await engine.remove();
  rmSync(HOME, { recursive: true, force: true });
}
