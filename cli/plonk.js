#!/usr/bin/env node
/** The command `plonk`: runs from the sources in a checkout, from JavaScript in the package. */
import { existsSync } from "node:fs";

const isCheckout = existsSync(new URL("main.ts", import.meta.url));
process.argv.splice(2, 0, isCheckout ? "cli/main.ts" : "cli/main.js");
await import("./run.js");
