/** What the page offers of a store, and fills the form in with. */
import { describe, expect, test } from "@jest/globals";
import type { StoreFunction } from "../../../../contract/index.ts";
import { emptyFields, toDeployment } from "../../../../services/gateway/ui/src/model/deployment.ts";
import { toOfferedFields, toOffers } from "../../../../services/gateway/ui/src/model/store.ts";

const figlet: StoreFunction = {
  name: "figlet",
  title: "Figlet",
  description: "Large letters",
  images: { x86_64: "x/figlet:1", ARM64: "x/figlet:1-arm64" },
  fprocess: "figlet -w 80",
  environment: { A: "1", B: "x\ny" },
  labels: { team: "x" },
  annotations: { topic: "t" },
  readOnlyRootFilesystem: true,
};
const nodeinfo: StoreFunction = {
  name: "nodeinfo",
  title: "Node information",
  description: "",
  images: { x86_64: "x/nodeinfo:1" },
};

describe("toOffers", () => {
  const names = (platform: string, search = ""): string[] =>
    toOffers([figlet, nodeinfo], platform, search).map(({ name }) => name);

  test("offers what there is for the platform, whatever its case", () => {
    expect(names("x86_64")).toEqual(["figlet", "nodeinfo"]);
    expect(names("arm64")).toEqual(["figlet"]);
    expect(names("armhf")).toEqual([]);
    expect(toOffers([figlet], "arm64", "")[0]?.image).toBe("x/figlet:1-arm64");
  });

  test("finds all words of a search in name, title and description", () => {
    expect(names("x86_64", " INFO ")).toEqual(["nodeinfo"]);
    expect(names("x86_64", "letters fig")).toEqual(["figlet"]);
    expect(names("x86_64", "letters node")).toEqual([]);
  });
});

describe("toOfferedFields", () => {
  const fieldsOf = (of: StoreFunction) => {
    const [offer] = toOffers([of], "x86_64", "");
    return offer && toOfferedFields(offer, "fn");
  };

  test("has all that a client deploys of it", () => {
    const fields = fieldsOf(figlet);
    expect(fields && toDeployment(fields)).toEqual({
      service: "figlet",
      namespace: "fn",
      image: "x/figlet:1",
      envProcess: "figlet -w 80",
      envVars: { A: "1", B: "x\ny" },
      labels: { team: "x" },
      annotations: { topic: "t" },
      readOnlyRootFilesystem: true,
    });
  });

  test("is empty otherwise", () => {
    expect(fieldsOf(nodeinfo)).toEqual({
      ...emptyFields("fn"),
      name: "nodeinfo",
      image: "x/nodeinfo:1",
    });
  });
});
