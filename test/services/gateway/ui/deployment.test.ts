/** The deploy form's fields, and what is sent for them. */
import { describe, expect, test } from "@jest/globals";
import {
  CODE_TEMPLATE,
  emptyFields,
  MAX_CODE_BYTES,
  toDeployment,
  toFields,
} from "../../../../services/gateway/ui/src/model/deployment.ts";

describe("toDeployment", () => {
  test("sends an image without what was left empty", () => {
    const fields = { ...emptyFields("fn"), name: " figlet ", image: " registry/figlet:1 " };
    expect(toDeployment(fields)).toEqual({
      service: "figlet",
      namespace: "fn",
      image: "registry/figlet:1",
    });
  });

  test("sends code instead of the image", () => {
    const fields = { ...emptyFields("fn"), source: "code" as const, name: "f", image: "left" };
    expect(toDeployment(fields)).toEqual({
      service: "f",
      namespace: "fn",
      code: CODE_TEMPLATE,
    });
  });

  test("takes code up to its limit in bytes, and no more", () => {
    const fields = { ...emptyFields("fn"), source: "code" as const, name: "f" };
    const code = "é".repeat(MAX_CODE_BYTES / 2);
    expect(toDeployment({ ...fields, code })).toMatchObject({ code });
    expect(() => toDeployment({ ...fields, code: `${code}x` })).toThrow(
      "The code must not be larger than 262144 bytes, got 262145.",
    );
  });

  test("names the field of a line that is no pair", () => {
    expect(() => toDeployment({ ...emptyFields("fn"), labels: "team" })).toThrow(
      'Labels: Expected a line like name=value, got "team".',
    );
  });
});

describe("toFields", () => {
  const description = {
    name: "figlet",
    namespace: "fn",
    image: "registry/figlet:1",
    createdAt: "2026-11-21T12:00:00Z",
    envProcess: "figlet -w 80",
    envVars: { A: "1" },
    labels: { team: "x" },
    annotations: { topic: "t" },
    secrets: ["key"],
    limits: { memory: "128Mi", cpu: "1" },
    requests: { memory: "64Mi" },
    readOnlyRootFilesystem: true,
  };

  test("sends what a function has as it was", () => {
    const { name, createdAt, ...rest } = description;
    const sent = { ...toDeployment(toFields(description)), createdAt };
    expect(sent).toEqual({ service: name, createdAt, ...rest });
  });

  test("sends what the form does not show, too", () => {
    const rare = {
      ...description,
      constraints: ["zone=a"],
      scale: { signals: [{ type: "rps", target: 5 }] },
      limits: { memory: "128Mi", "nvidia.com/gpu": "1" },
      requests: { memory: "64Mi", "ephemeral-storage": "1Gi" },
    };
    const { constraints, scale, limits, requests } = rare;
    expect(toDeployment(toFields(rare))).toMatchObject({
      ...{ constraints, scale, limits, requests },
    });
    const fields = { ...toFields(rare), memoryLimit: "", cpuLimit: "2" };
    expect(toDeployment(fields).limits).toEqual({ "nvidia.com/gpu": "1", cpu: "2" });
  });

  test("does not put another text in the place of code that cannot be read", () => {
    const code = { configMap: "figlet-0123456789ab" };
    expect(() => toFields({ ...description, code })).toThrow(
      "The code of figlet cannot be read, so that it cannot be edited here.",
    );
  });

  test("edits the code of a function with code", () => {
    const code = { configMap: "figlet-0123456789ab", text: "export default {};" };
    expect(toFields({ ...description, code })).toMatchObject({
      source: "code",
      code: "export default {};",
      image: "",
    });
  });
});
