/** Callbacks to functions behind the platform's own gateway, and to nothing else there. */
import { describe, expect, test } from "@jest/globals";
import { isOwnFunction } from "../../../../services/lib/queue/own-functions.ts";

const isOwn = (text: string): boolean => isOwnFunction(new URL(text), ["gateway.openfaas"]);

describe("a function of the platform's own", () => {
  test.each([
    "http://gateway.openfaas:8080/function/f",
    "http://GATEWAY.openfaas:8080/function/f.dev/a?b",
    "http://gateway.openfaas.svc:8080/async-function/f",
    "http://gateway.openfaas.svc.cluster.local:8080/function/f",
  ])("is %s", (text) => {
    expect(isOwn(text)).toBe(true);
  });

  test.each([
    "https://gateway.openfaas:8080/function/f",
    "http://gateway.openfaas/function/f",
    "http://gateway.openfaas:8082/function/f",
    "http://gateway.openfaas:8080/",
    "http://gateway.openfaas:8080/function/",
    "http://gateway.openfaas:8080/system/functions",
    "http://gateway.openfaas:8080/function/../system/functions",
    "http://gateway.openfaas:8080/function/%2e%2e/system/functions",
    "http://gateway.openfaas:8080/function\\..\\system/functions",
    "http://gateway.openfaas.evil.example:8080/function/f",
    "http://gateway.other:8080/function/f",
    "http://a.example:8080/function/f",
  ])("is not %s", (text) => {
    expect(isOwn(text)).toBe(false);
  });
});

test("there is none where the gateway has no name", () => {
  expect(isOwnFunction(new URL("http://gateway.openfaas:8080/function/f"), [])).toBe(false);
});
