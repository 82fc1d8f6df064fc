/**
 * `npm run settings`: generates the documentation of a stack's configuration, the `config` of
 * Pulumi.yaml and a table in the README, from the settings.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { COMMON, SECRETS, targetSetting } from "../stacks/config.ts";
import type { Setting, Settings } from "../stacks/settings.ts";
import { TARGETS } from "../stacks/targets.ts";

const root = join(import.meta.dirname, "..");

/** The generated part of the README is between these lines. */
const MARKS = ["<!-- settings: written by npm run settings -->", "<!-- /settings -->"] as const;

/** A key as Pulumi.yaml declares it. */
interface Declaration {
  type: "string" | "boolean";
  secret?: true;
  default?: string | boolean;
  description: string;
}

function declare({ default: standard, description }: Setting): Declaration {
  return {
    type: typeof standard === "boolean" ? "boolean" : "string",
    default: standard,
    description,
  };
}

function declareAll(settings: Settings, prefix = ""): [string, Declaration][] {
  return Object.entries(settings).map(([key, setting]) => [
    key,
    declare({ ...setting, description: `${prefix}${setting.description}` }),
  ]);
}

/** All keys in the documented order. */
export function declarations(): Record<string, Declaration> {
  const own = Object.entries(TARGETS).flatMap(([name, { settings }]) =>
    declareAll(settings, `Target \`${name}\` - `),
  );
  return Object.fromEntries<Declaration>([
    ["target", declare(targetSetting(TARGETS))],
    ["adminPassword", { type: "string", secret: true, description: SECRETS.adminPassword }],
    // Pulumi does not accept a default for a secret.
    ["users", { type: "string", default: "[]", description: SECRETS.users }],
    ...declareAll(COMMON),
    ...own,
  ]);
}

/** Pulumi.yaml with the current keys. */
export function toProject(project: string): string {
  const [head = ""] = project.split(/^config:$/m);
  return `${head}${stringify({ config: declarations() }, { lineWidth: 0 })}`;
}

/** The README with the current keys. */
export function toReadme(readme: string): string {
  const [start, end] = MARKS;
  const [before, rest = ""] = readme.split(start);
  const rows = Object.entries(declarations()).map(
    ([key, each]) => `| \`plonk:${key}\` | ${toCell(each)} | ${each.description} |`,
  );
  const table = ["| key | default | what |", "| --- | --- | --- |", ...rows].join("\n");
  return `${before}${start}\n\n${table}\n\n${end}${rest.split(end)[1] ?? ""}`;
}

function toCell({ secret, default: standard }: Declaration): string {
  if (secret) {
    return "none, secret";
  }
  return standard === "" || standard === "[]" ? "none" : `\`${standard}\``;
}

/** The generated files and their generators. */
export const WRITTEN = { "Pulumi.yaml": toProject, "README.md": toReadme };

/** Writes all generated files. */
export function writeSettings(): Promise<number> {
  for (const [name, write] of Object.entries(WRITTEN)) {
    const path = join(root, name);
    writeFileSync(path, write(readFileSync(path, "utf8")));
  }
  return Promise.resolve(0);
}
