/** Requests that another site's page makes a browser send. */
import { describe, expect, test } from "@jest/globals";
import { isCrossSite } from "../../../../services/gateway/auth/same-origin.ts";

const host = "gateway.example:8080";

describe("isCrossSite", () => {
  test.each([
    ["a program", { host }],
    ["the gateway's own page", { host, "sec-fetch-site": "same-origin" }],
    ["a person who types the address", { host, "sec-fetch-site": "none" }],
    ["an old browser on the own page", { host, origin: "http://gateway.example:8080" }],
    ["the own page behind TLS", { host: "gateway.example", origin: "https://gateway.example" }],
    ["the default port, named", { host: "gateway.example:80", origin: "http://gateway.example" }],
    ["another case", { host: "Gateway.Example:8080", origin: "http://gateway.example:8080" }],
    [
      "a proxy that changes the host",
      { host: "inside", origin: "https://outside.example", "sec-fetch-site": "same-origin" },
    ],
  ])("is false for %s", (_what, headers) => {
    expect(isCrossSite(headers)).toBe(false);
  });

  test.each([
    ["another site", { host, "sec-fetch-site": "cross-site" }],
    ["a sibling", { host, "sec-fetch-site": "same-site" }],
    ["what is no value of that header", { host, "sec-fetch-site": "" }],
    ["another host", { host, origin: "https://evil.example" }],
    ["another port", { host, origin: "http://gateway.example:9090" }],
    ["a sandboxed frame", { host, origin: "null" }],
    ["a host that begins alike", { host, origin: "http://gateway.example:8080.evil.example" }],
    ["no host", { origin: "http://gateway.example:8080" }],
    ["an origin that is none", { host, origin: "http://" }],
  ])("is true for %s", (_what, headers) => {
    expect(isCrossSite(headers)).toBe(true);
  });
});
