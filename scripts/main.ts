/** The commands for contributors. */
import { dirname, join } from "node:path";
import { type Command, runCommand } from "../cli/commands.ts";
import { runOnTerminal } from "../cli/process.ts";
import { auditOperator } from "./audit-operator.ts";
import { auditQueue } from "./audit-queue.ts";
import { check } from "./check.ts";
import { fuzz } from "./fuzz.ts";
import { releaseImages } from "./release-images.ts";
import { writeSchema } from "./schema.ts";
import { writeSettings } from "./settings.ts";
import { test } from "./test.ts";

const root = dirname(import.meta.dirname);

function program(path: string): Command {
  return (args) => runOnTerminal(process.execPath, [join(root, path), ...args], { cwd: root });
}

await runCommand({
  check,
  test,
  fuzz,
  "audit:operator": auditOperator,
  "audit:queue": auditQueue,
  settings: writeSettings,
  schema: writeSchema,
  "release-images": releaseImages,
  toolchain: program("scripts/toolchain.ts"),
  openapi: program("services/gateway/openapi/main.ts"),
  bench: program("bench/main.ts"),
  exec: ([command = "", ...args]) => runOnTerminal(command, args, { cwd: root }),
});
