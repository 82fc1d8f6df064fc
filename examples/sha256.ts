/** A function from an image and a program in it, with the body on its standard input. */
import * as pulumi from "@pulumi/pulumi";
import { Function, type PlatformReference } from "plonk";

/** The watchdog splits `fprocess` at single spaces and knows no quotes, so there are none in it. */
const HASH_STANDARD_INPUT =
  "process.stdout.write(require('crypto').hash('sha256',require('fs').readFileSync(0)))";

/** Declares `sha256`: answers with the SHA-256 of its body in hexadecimal digits. */
export function declareSha256(platform: PlatformReference): Function {
  return new Function("sha256", {
    platform,
    image: pulumi.output(platform.runtimeImage),
    fprocess: `/nodejs/bin/node -e ${HASH_STANDARD_INPUT}`,
    requests: { memory: "32Mi", cpu: "10m" },
    limits: { memory: "128Mi" },
  });
}
