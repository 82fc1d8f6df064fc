/** Whether the gateway keeps to its document with the real API server behind it. */
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { PACKAGE_ROOT } from "../../../toolchain/images/package.ts";
import { FaasCli } from "../../support/faas-cli.ts";
import { runSchemathesis } from "../../support/schemathesis.ts";
import type { Stack } from "../../support/stack.ts";

/** Prefix too of the namespaces that schemathesis makes. */
const NAMESPACE = "schemathesis";
const minute = 60_000;

/** Declares the tests; `stack` gives the running stack, inside of tests. */
export function describeOpenApi(stack: () => Stack): void {
  describe("the API's document", () => {
    afterAll(async () => {
      const cli = new FaasCli(stack().url, "admin", stack().password);
      const made = (await cli.namespaces()).filter((name) => name.startsWith(NAMESPACE));
      await Promise.all(made.map((name) => cli.deleteNamespace(name)));
    }, minute);

    it(
      "is kept to, whatever schemathesis sends",
      async () => {
        const { url, password } = stack();
        const cli = new FaasCli(url, "admin", password);
        const { image } = await cli.describe("sha256");
        await cli.createNamespace(NAMESPACE);
        const fprocess = "/nodejs/bin/node -v";
        await cli.deploy("target", { image, fprocess, namespace: NAMESPACE });
        const report = await runSchemathesis({
          url,
          login: `admin:${password}`,
          document: join(PACKAGE_ROOT, "docs", "openapi.json"),
          namespace: NAMESPACE,
          functionName: "target",
          examples: 5,
        });
        const { failures, output } = report;
        expect(failures.length === 0 ? [] : [...failures, output]).toEqual([]);
        expect(report.requests).toBeGreaterThan(500);
      },
      10 * minute,
    );
  });
}
