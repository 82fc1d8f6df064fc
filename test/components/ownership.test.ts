/** Whose Function definition it is: only "not found" means that it is nobody's. */
import { afterEach, describe, expect, it } from "@jest/globals";
import { ArgumentError } from "../../components/errors.ts";
import { refuseForeignDefinition } from "../../components/operator/ownership.ts";
import { type Answers, type FakeApi, startFakeApi, toKubeconfig } from "./support/fake-api.ts";

const PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/functions.openfaas.com";

let api: FakeApi | undefined;

afterEach(() => api?.stop());

/** Asks whether a definition with this answer may be written. */
async function ask(answer: Answers[string], isPreview: boolean): Promise<void> {
  api = await startFakeApi({ [PATH]: answer });
  await refuseForeignDefinition(toKubeconfig(api.url, "here"), isPreview);
}

describe.each([[true], [false]])("with a preview: %s", (isPreview) => {
  it("takes a cluster without a definition, and Plonk's own", async () => {
    await expect(ask(404, isPreview)).resolves.toBeUndefined();
    const labels = { "app.kubernetes.io/part-of": "plonk" };
    await expect(ask({ metadata: { labels } }, isPreview)).resolves.toBeUndefined();
  });

  it.each<[string, Record<string, unknown>]>([
    ["Helm", { metadata: { labels: { "app.kubernetes.io/managed-by": "Helm" } } }],
    ["another OpenFaaS", { metadata: {} }],
  ])("refuses that of %s", async (owner, definition) => {
    await expect(ask(definition, isPreview)).rejects.toThrow(
      new ArgumentError(
        `cluster: expected no other OpenFaaS, got the definition functions.openfaas.com of ${owner}; ` +
          "set adopt to take it over",
      ),
    );
  });

  it.each([401, 403, 500, 503])("does not take the answer %d for nobody", async (status) => {
    await expect(ask(status, isPreview)).rejects.toThrow(
      new ArgumentError(
        "cluster: expected to learn who owns the definition functions.openfaas.com, " +
          `got HTTP ${status}`,
      ),
    );
  });
});

describe("a cluster that does not answer", () => {
  /** Of a server that was there, so that nobody else has the port. */
  const toNowhere = async (): Promise<string> => {
    const { url, stop } = await startFakeApi();
    stop();
    return toKubeconfig(url, "here");
  };

  it("may be about to start in a preview", async () => {
    await expect(refuseForeignDefinition(await toNowhere(), true)).resolves.toBeUndefined();
  });

  it("is not written to", async () => {
    await expect(refuseForeignDefinition(await toNowhere(), false)).rejects.toThrow(
      new ArgumentError(
        "cluster: expected to learn who owns the definition functions.openfaas.com, got ECONNREFUSED",
      ),
    );
  });
});
