/** Pasted JavaScript on a real cluster: from the text to the answer, revisions, and the end. */
import { afterAll, describe, expect, it } from "@jest/globals";
import type { Stack } from "../../support/stack.ts";
import { callSystem, type SystemAnswer, type SystemCall } from "../../support/system-client.ts";
import { until } from "../../support/until.ts";

const second = 1000;
const NAME = "pasted";

/** Revisions that the operator keeps. */
const KEPT = 3;

/**
 * What Kubernetes would make something else of, were it written to a pod as it is. Of variables it
 * puts in those that come earlier in the pod, by name.
 */
const ENVIRONMENT = {
  TEXT_DOUBLED: "a$$b",
  TEXT_MIXED: "x$$(A)y",
  TEXT_NAMED: "$(OPENFAAS_NAME)",
} as const;

/** It answers with the body, or with one of its variables. */
const toCode = (version: number): string =>
  `import { Buffer } from "node:buffer";
export default async ({ body, query }) =>
  process.env[query.variable] ?? "v${version} " + Buffer.from(body).toString("base64");
`;

/** Declares the tests; `stack` gives the running stack, inside of tests. */
export function describeCode(stack: () => Stack): void {
  function system(path: string, call: SystemCall = {}): Promise<SystemAnswer> {
    const { url, password } = stack();
    const authorization = `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`;
    return callSystem(`${url}/system/${path}`, { ...call, headers: { authorization } });
  }

  async function deploy(method: "POST" | "PUT", version: number): Promise<number> {
    const body = { service: NAME, code: toCode(version), envVars: ENVIRONMENT };
    return (await system("functions", { method, body })).status;
  }

  async function answersWith(version: number): Promise<void> {
    const expected = `v${version} ${Buffer.from("gr\u00fc\u00df").toString("base64")}`;
    const isThere = async (): Promise<boolean> => {
      const { text } = await callSystem(`${stack().url}/function/${NAME}`, {
        body: "gr\u00fc\u00df",
      });
      return text === expected;
    };
    await until(`version ${version}`, isThere, 60 * second);
  }

  async function listRevisions(): Promise<string[]> {
    const selector = `faas_function=${NAME}`;
    const names = await stack().kubectl(
      ...["get", "configmaps", "-n", "openfaas-fn", "-l", selector],
      ...["-o", "jsonpath={.items[*].metadata.name}"],
    );
    return names.split(" ").filter((name) => name !== "");
  }

  describe("pasted JavaScript", () => {
    afterAll(() => system("functions", { method: "DELETE", body: { functionName: NAME } }));

    it("is deployed as faas-cli deploys, and answers", async () => {
      expect(await deploy("PUT", 1)).toBe(404);
      expect(await deploy("POST", 1)).toBe(202);
      await answersWith(1);
    });

    it("gets its environment byte for byte", async () => {
      for (const [name, value] of Object.entries(ENVIRONMENT)) {
        const { text } = await callSystem(`${stack().url}/function/${NAME}?variable=${name}`);
        expect(text).toBe(value);
      }
    });

    it("is replaced, with the last revisions kept, and rolled back to", async () => {
      for (const version of [2, 3, 4, 5]) {
        expect(await deploy("PUT", version)).toBe(202);
        await answersWith(version);
      }
      const isPruned = async (): Promise<boolean> => (await listRevisions()).length === KEPT;
      await until("the old revisions to go", isPruned, 60 * second);
      expect(await deploy("PUT", 4)).toBe(202);
      await answersWith(4);
    }, 180_000);

    it("is shown with its text", async () => {
      const shown = JSON.parse((await system(`function/${NAME}?code=1`)).text) as object;
      expect(shown).toMatchObject({ code: { entry: "index.mjs", text: toCode(4) } });
    });

    it("goes with all its revisions, and can come back at once", async () => {
      const deletion = { method: "DELETE", body: { functionName: NAME } };
      expect((await system("functions", deletion)).status).toBe(202);
      expect(await deploy("POST", 4)).toBe(202);
      await answersWith(4);
      expect((await system("functions", deletion)).status).toBe(202);
      const isEmpty = async (): Promise<boolean> => (await listRevisions()).length === 0;
      await until("all revisions to go", isEmpty, 60 * second);
    }, 180_000);
  });
}
