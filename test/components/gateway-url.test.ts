/** Under which address people reach the gateway. */
import { afterAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { ArgumentError } from "../../components/errors.ts";
import { checkUrl, toBalancerUrl, toNodeUrl } from "../../components/gateway/external-service.ts";
import { Platform, type PlatformArgs } from "../../components/index.ts";
import { fakeCluster, IMAGES, recordRegistrations, valueOf } from "./support/mocks.ts";

recordRegistrations();

afterAll(() => pulumi.runtime.disconnect());

function urlOf(name: string, args: Partial<PlatformArgs>): Promise<string> {
  const usual = { cluster: fakeCluster(), images: IMAGES, adminPassword: "pw" };
  return valueOf(new Platform(name, { ...usual, ...args }).gatewayUrl);
}

describe("the gateway's address", () => {
  it("is the one that is given, whatever else there is", async () => {
    const cluster = { ...fakeCluster(), nodeAddress: pulumi.output("") };
    const gatewayUrl = "https://plonk.example.com/gateway";
    expect(await urlOf("given", { cluster, gatewayUrl })).toBe(gatewayUrl);
  });

  it("is the load balancer's where there is one, and no node's is needed", async () => {
    const cluster = { ...fakeCluster({ loadBalancer: true }), nodeAddress: pulumi.output("") };
    expect(await urlOf("balanced", { cluster })).toBe("http://192.0.2.1:8080");
  });

  it.each([
    [{ ip: "192.0.2.1" }, "http://192.0.2.1:8080"],
    [{ ip: "2001:db8::1" }, "http://[2001:db8::1]:8080"],
    [{ hostname: "a1.elb.example.com" }, "http://a1.elb.example.com:8080"],
    // Some say both, and the name moves with the balancer.
    [{ hostname: "a1.elb.example.com", ip: "192.0.2.1" }, "http://a1.elb.example.com:8080"],
  ])("is that of the balancer %j: %s", (ingress, url) => {
    expect(toBalancerUrl(ingress)).toBe(url);
  });

  it.each([undefined, {}, { hostname: "", ip: "" }])(
    "is not known while the balancer has none: %j",
    (ingress) => {
      expect(pulumi.isUnknown(toBalancerUrl(ingress))).toBe(true);
    },
  );

  it.each([
    ["192.0.2.7", "http://192.0.2.7:31112"],
    ["node.example.com", "http://node.example.com:31112"],
    ["fd00::7", "http://[fd00::7]:31112"],
  ])("is on the node %s at %s", (address, url) => {
    expect(toNodeUrl(address)).toBe(url);
  });

  it("must be given where no node is known", () => {
    expect(() => toNodeUrl("")).toThrow(
      new ArgumentError(
        "gatewayUrl: expected one where no node's address is known, got none; " +
          "nodeAddress, a load balancer of the cluster or gateway.ingress will do as well",
      ),
    );
  });

  it.each(["", "https://x.example/", "x.example", "ftp://x.example"])("must not be %j", (url) => {
    expect(() => checkUrl(url)).toThrow(
      new ArgumentError(
        `gatewayUrl: expected an http(s) URL without a slash at its end, got "${url}"`,
      ),
    );
  });
});
