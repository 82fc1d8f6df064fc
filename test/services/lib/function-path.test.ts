import { expect, test } from "@jest/globals";
import { functionPath } from "../../../services/lib/function-path.ts";

test("functionPath names the collection, the object and its scale", () => {
  expect(functionPath({ namespace: "ns" })).toBe("/apis/openfaas.com/v1/namespaces/ns/functions");
  expect(functionPath({ namespace: "ns", name: "f" }, "scale")).toBe(
    "/apis/openfaas.com/v1/namespaces/ns/functions/f/scale",
  );
});
