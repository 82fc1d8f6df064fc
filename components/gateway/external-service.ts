/** The ways to the gateway from outside, and the address under which people reach it. */
import { isIPv6 } from "node:net";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { PORT } from "../../contract/index.ts";
import { ArgumentChecks, ArgumentError } from "../errors.ts";
import { checkAnnotations, checkSubdomain } from "../kubernetes/pod-checks.ts";
import { toMetadata, toSelector } from "../kubernetes/pods.ts";
import type { PartContext } from "../kubernetes/workloads.ts";
import { whenKnown } from "../unknown.ts";
import type { GatewayArgs, GatewayIngress } from "./settings.ts";

/** Time in which a load balancer has to get its address; clouds need a minute or two. */
const BALANCER_TIMEOUT = "300s";

/** The ways in, and the address for people, known when they exist. */
export interface ExternalService {
  external: k8s.core.v1.Service;
  ingress?: k8s.networking.v1.Ingress;
  url: pulumi.Output<string>;
}

/** Creates the Service to the outside, and the Ingress where one is wanted. */
export function createExternalService(context: PartContext, args: GatewayArgs): ExternalService {
  const { nodePort = PORT.gatewayNode } = args;
  const external = createOutside(context, args, nodePort);
  const entry = args.ingress && createIngress(context, args.ingress);
  const url = toUrl(context, args, {
    service: external,
    nodePort,
    ...(entry && { entry }),
  });
  return {
    external,
    ...(entry && { ingress: entry.ingress }),
    url: pulumi
      .all([url, external.metadata.name, entry?.ingress.metadata.name])
      .apply(([known]) => known),
  };
}

/** The Service that leads in from outside: metrics stay inside. */
function createOutside(
  context: PartContext,
  args: GatewayArgs,
  nodePort: pulumi.Input<number>,
): k8s.core.v1.Service {
  const isBalanced = context.cluster.capabilities.loadBalancer;
  // A load balancer's Service has such a port, too, and any will do.
  const isFixed = !isBalanced || args.nodePort !== undefined;
  const port = { name: "http", port: PORT.gateway, targetPort: "http" };
  const customTimeouts = { create: BALANCER_TIMEOUT, update: BALANCER_TIMEOUT };
  return new k8s.core.v1.Service(
    `${context.name}-gateway-external`,
    {
      metadata: toMetadata("gateway", context.namespace, "gateway-external"),
      spec: {
        type: isBalanced ? "LoadBalancer" : "NodePort",
        selector: toSelector("gateway"),
        ports: [{ ...port, ...(isFixed && { nodePort }) }],
      },
    },
    pulumi.mergeOptions(context.options, {
      // The update waits for the address, and says so when there is none.
      ...(isBalanced && { customTimeouts }),
    }),
  );
}

/** An Ingress, and the address that it stands for. */
interface Entry {
  ingress: k8s.networking.v1.Ingress;
  url: pulumi.Output<string>;
}

/**
 * Not all controllers write an address into the status of an Ingress, for which Pulumi would wait,
 * and people reach it by a name anyway.
 */
const INGRESS_ANNOTATIONS = { "pulumi.com/skipAwait": "true" };

/** Creates the Ingress to the Service inside. */
function createIngress(context: PartContext, args: GatewayIngress): Entry {
  const checks = new ArgumentChecks(context.part);
  const check = (field: string, value: pulumi.Input<string>): pulumi.Output<string> =>
    checks.apply(value, (known) => checkSubdomain(`ingress.${field}`, known));
  const host = checks.apply(args.host, (known) =>
    checkSubdomain("ingress.host", known, "a name such as gateway.example.com"),
  );
  const { className, tlsSecretName, annotations = {} } = args;
  const tls = tlsSecretName !== undefined && [
    { hosts: [host], secretName: check("tlsSecretName", tlsSecretName) },
  ];
  const backend = { service: { name: "gateway", port: { name: "http" } } };
  const given = checks.apply(annotations, (known) =>
    checkAnnotations("ingress.annotations", known),
  );
  const ingress = new k8s.networking.v1.Ingress(
    `${context.name}-gateway-ingress`,
    {
      metadata: {
        ...toMetadata("gateway", context.namespace),
        annotations: given.apply((known) => ({ ...INGRESS_ANNOTATIONS, ...known })),
      },
      spec: {
        ...(className !== undefined && { ingressClassName: check("className", className) }),
        ...(tls && { tls }),
        rules: [{ host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }],
      },
    },
    pulumi.mergeOptions(context.options, { dependsOn: checks.passed }),
  );
  return { ingress, url: pulumi.interpolate`${tls ? "https" : "http"}://${host}` };
}

interface Ways {
  service: k8s.core.v1.Service;
  nodePort: pulumi.Input<number>;
  entry?: Entry;
}

/**
 * The address for people: the one that they say themselves, the Ingress', the load balancer's, or a
 * node's. A node's address may come from the same secret output as the kubeconfig, and is none
 * itself.
 */
function toUrl(
  context: PartContext,
  { gatewayUrl }: GatewayArgs,
  { service, nodePort, entry }: Ways,
): pulumi.Output<string> {
  const { nodeAddress, capabilities } = context.cluster;
  const checks = new ArgumentChecks(context.part);
  if (gatewayUrl !== undefined) {
    return checks.apply(gatewayUrl, checkUrl);
  }
  if (entry) {
    return entry.url;
  }
  return capabilities.loadBalancer
    ? // The preview of a Service that is to be made has no status, and only its id is unknown; nor
      // has a changed one where the cluster does not answer.
      pulumi
        .all([service.status, service.id])
        .apply(([status]) =>
          whenKnown(status, ({ loadBalancer }: BalancerStatus) =>
            toBalancerUrl(loadBalancer?.ingress?.[0]),
          ),
        )
    : checks.apply(pulumi.all([pulumi.unsecret(nodeAddress), nodePort]), ([address, port]) =>
        toNodeUrl(address, port),
      );
}

/** Returns `url` when a path can be put behind it. */
export function checkUrl(url: string): string {
  if (URL.canParse(url) && /^https?:\/\/.*[^/]$/.test(url)) {
    return url;
  }
  throw new ArgumentError(
    `gatewayUrl: expected an http(s) URL without a slash at its end, got ${JSON.stringify(url)}`,
  );
}

/** Address of the gateway on a node. */
export function toNodeUrl(address: string, nodePort: number = PORT.gatewayNode): string {
  if (address !== "") {
    return `http://${toHost(address)}:${nodePort}`;
  }
  throw new ArgumentError(
    "gatewayUrl: expected one where no node's address is known, got none; " +
      "nodeAddress, a load balancer of the cluster or gateway.ingress will do as well",
  );
}

/** In a URL an IPv6 address has brackets. */
function toHost(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}

/** What a Service says that has no address yet. */
interface BalancerStatus {
  loadBalancer?: { ingress?: { hostname?: string; ip?: string }[] };
}

/**
 * Address of the gateway on a load balancer: a name as EKS gives one, or an address. Not known for
 * a Service that has neither, as one has whose type is to be changed.
 */
export function toBalancerUrl(ingress: { hostname?: string; ip?: string } | undefined): string {
  const host = ingress?.hostname ?? ingress?.ip ?? "";
  return host === "" ? (pulumi.unknown as never) : `http://${toHost(host)}:${PORT.gateway}`;
}
