/** Several function namespaces on a real cluster, through the REST API alone. */
import { describe, expect, it } from "@jest/globals";
import type { Stack } from "../../support/stack.ts";

/** Declares the tests; `stack` gives the running stack, inside of tests. */
export function describeNamespaces(stack: () => Stack): void {
  describe("function namespaces", () => {
    it("are listed", async () => {
      const { url, password } = stack();
      const authorization = `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`;
      const answer = await fetch(`${url}/system/namespaces`, {
        headers: { authorization },
        signal: AbortSignal.timeout(10_000),
      });
      expect(await answer.json()).toEqual(["openfaas-fn"]);
    });
  });
}
