/** The ways to the gateway from outside: its node port, its Ingress and what they need. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Platform, type PlatformArgs } from "../../components/index.ts";
import { settle } from "./cluster/mocks.ts";
import { fakeCluster, find, IMAGES, recordRegistrations, valueOf } from "./support/mocks.ts";
import { objectsOf } from "./support/objects.ts";

const all = recordRegistrations();

afterAll(() => pulumi.runtime.disconnect());

function declare(name: string, args: Partial<PlatformArgs>): Platform {
  const usual = { cluster: fakeCluster(), images: IMAGES, adminPassword: "pw" };
  return new Platform(name, { ...usual, ...args });
}

describe("an Ingress", () => {
  let platform: Platform;

  beforeAll(async () => {
    platform = declare("secured", {
      // No node's address is needed.
      cluster: { ...fakeCluster({ networkPolicy: true }), nodeAddress: pulumi.output("") },
      gateway: {
        ingress: {
          host: pulumi.output("faas.example.com"),
          className: "nginx",
          tlsSecretName: "faas-tls",
          annotations: { "nginx.ingress.kubernetes.io/proxy-body-size": "0" },
        },
      },
    });
    await settle();
  });

  it("leads to the Service inside, by host and class", () => {
    const { type, inputs } = find(all, "secured-gateway-ingress");
    expect(type).toBe("kubernetes:networking.k8s.io/v1:Ingress");
    expect(inputs).toMatchObject({
      metadata: {
        name: "gateway",
        namespace: "openfaas",
        annotations: {
          "nginx.ingress.kubernetes.io/proxy-body-size": "0",
          "pulumi.com/skipAwait": "true",
        },
      },
      spec: {
        ingressClassName: "nginx",
        tls: [{ hosts: ["faas.example.com"], secretName: "faas-tls" }],
        rules: [
          {
            host: "faas.example.com",
            http: {
              paths: [
                {
                  path: "/",
                  pathType: "Prefix",
                  backend: { service: { name: "gateway", port: { name: "http" } } },
                },
              ],
            },
          },
        ],
      },
    });
    const { spec } = find(all, "secured-gateway-service").inputs as {
      spec: { ports: { name: string; port: number }[] };
    };
    expect(spec.ports).toContainEqual({ name: "http", port: 8080, targetPort: "http" });
  });

  it("is where people reach the gateway", async () => {
    expect(await valueOf(platform.gatewayUrl)).toBe("https://faas.example.com");
  });

  it("gets through the policies: everybody may call the gateway, as the controller does", () => {
    const { spec } = find(all, "secured-allow-gateway-8080").inputs;
    expect(spec).toMatchObject({ ingress: [{ ports: [{ port: 8080, protocol: "TCP" }] }] });
    expect(spec).not.toHaveProperty("ingress.0.from");
  });

  it("with a host alone is plain, and takes the cluster's class", async () => {
    const ingress = { host: "faas.example.com", annotations: { "pulumi.com/skipAwait": "false" } };
    const { gatewayUrl } = declare("bare", { gateway: { ingress } });
    expect(await valueOf(gatewayUrl)).toBe("http://faas.example.com");
    const { metadata, spec } = find(all, "bare-gateway-ingress").inputs;
    expect(metadata).toMatchObject({ annotations: { "pulumi.com/skipAwait": "false" } });
    expect(Object.keys(spec as object)).toEqual(["rules"]);
  });

  it("is behind the address that is given, and before the load balancer's", async () => {
    const gateway = { ingress: { host: "faas.example.com" } };
    const given = declare("given", { gateway, gatewayUrl: "https://other.example.com" });
    expect(await valueOf(given.gatewayUrl)).toBe("https://other.example.com");
    const cluster = fakeCluster({ loadBalancer: true });
    const balanced = declare("balanced", { gateway, cluster });
    expect(await valueOf(balanced.gatewayUrl)).toBe("http://faas.example.com");
  });

  it("is not there unless it is wanted", async () => {
    declare("none", {});
    await settle();
    expect(objectsOf(all, "none").filter(({ type }) => type.endsWith(":Ingress"))).toEqual([]);
  });
});

describe("the node port", () => {
  const portsOf = async (name: string, args: Partial<PlatformArgs>): Promise<unknown> => {
    declare(name, args);
    await settle();
    const { spec } = find(all, `${name}-gateway-external`).inputs as { spec: { ports: unknown } };
    return spec.ports;
  };
  const port = { name: "http", port: 8080, targetPort: "http" };

  it("is another one when it is given, also in the address", async () => {
    const gateway = { nodePort: pulumi.output(30_080) };
    expect(await portsOf("ported", { gateway })).toEqual([{ ...port, nodePort: 30_080 }]);
    const url = declare("ported2", { gateway }).gatewayUrl;
    expect(await valueOf(url)).toBe("http://198.18.0.11:30080");
  });

  it("is of a load balancer's Service only when it is given", async () => {
    const cluster = fakeCluster({ loadBalancer: true });
    expect(await portsOf("any", { cluster })).toEqual([port]);
    const gateway = { nodePort: 30_081 };
    expect(
      await portsOf("fixed", { cluster: fakeCluster({ loadBalancer: true }), gateway }),
    ).toEqual([{ ...port, nodePort: 30_081 }]);
  });
});
