/** A cluster that Plonk did not create: k3d, kind, EKS, AKS, GKE, or any other kubeconfig. */
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { findNetworkMistake } from "../../contract/address-range.ts";
import { type Architecture, quote } from "../../contract/index.ts";
import { ArgumentChecks, ArgumentError, checkFor, gather, isLater } from "../errors.ts";
import { checkEntries } from "../lists.ts";
import { findArchitectureMistake, reportArchitectures } from "./architectures.ts";
import {
  type Cluster,
  type ClusterCapabilities,
  type ImageDelivery,
  ImageDeliveryMode,
} from "./cluster.ts";
import { type ClusterReport, describeClass, inspectCluster } from "./inspect.ts";
import { type KubeconfigFacts, readKubeconfig } from "./kubeconfig.ts";
import { createProvider } from "./provider.ts";

/** Capabilities of a cluster that Plonk did not create. */
export interface ExistingCapabilities {
  /**
   * Processor architectures of the nodes. Set it when nodes may not be listed, or are added and
   * removed: the digests of locally assembled images depend on it.
   * @default those of the nodes, `["amd64"]` if they may not be listed
   */
  architectures?: pulumi.Input<pulumi.Input<Architecture>[]>;
  /**
   * Whether a Service of type LoadBalancer gets an address. It decides what is made, and cannot be
   * an output.
   * @default false
   */
  loadBalancer?: boolean;
  /** Name of a StorageClass for volumes. @default the cluster's default class */
  storageClass?: pulumi.Input<string> | undefined;
  /**
   * Whether NetworkPolicy objects are enforced. It decides what is made, and cannot be an output.
   * @default false
   */
  networkPolicy?: boolean;
  /**
   * Addresses of the API server in CIDR notation: of its machines and of the Service `kubernetes`.
   * NetworkPolicies block them for functions. @default none
   */
  apiServerNetworks?: pulumi.Input<pulumi.Input<string>[]>;
}

/**
 * A cluster by plain values, which every language can write: what `ExistingCluster` takes. The
 * components also take it in the place of a cluster, and declare the `ExistingCluster` themselves.
 * A `K3sCluster` or an `ExistingCluster` is one, too.
 */
export interface ClusterReference {
  /** Content of a kubeconfig file, YAML or JSON. Kept secret. */
  kubeconfig: pulumi.Input<string>;
  /** Context to use. @default the kubeconfig's current one */
  context?: pulumi.Input<string>;
  /** Capabilities of the cluster. */
  capabilities?: ExistingCapabilities;
  /**
   * Registry and path that the nodes pull from and that this machine may push to, e.g.
   * `registry.example.com/plonk`. @default none, nodes pull images by their references
   */
  registry?: pulumi.Input<string>;
  /**
   * Command for sh that delivers an image to the nodes without a registry: it reads `ARCHIVE`, the
   * path of a tar with an OCI layout, and `IMAGE`, its reference. E.g.
   * `kind load image-archive "$ARCHIVE"`. @default none
   */
  imageCommand?: pulumi.Input<string>;
  /** Address of a node, for NodePorts. @default the address of one of the cluster's nodes */
  nodeAddress?: pulumi.Input<string>;
}

/** Arguments of `ExistingCluster`. */
export type ExistingClusterArgs = ClusterReference;

/**
 * A cluster by its kubeconfig. The cluster itself is not managed, and outlives the program. Already
 * a preview inspects it and shows the result.
 *
 * @example
 * const cluster = new ExistingCluster("kind", {
 *   kubeconfig: readFileSync(`${homedir()}/.kube/config`, "utf8"),
 *   context: "kind-kind",
 * });
 */
export class ExistingCluster extends pulumi.ComponentResource implements Cluster {
  /** Kubeconfig file content, YAML, with only this context. Secret. */
  public readonly kubeconfig: pulumi.Output<string>;
  /** An address of a node, for NodePorts; empty if unknown. */
  public readonly nodeAddress: pulumi.Output<string>;
  /** Provider for every object on this cluster. @internal */
  public readonly provider: k8s.Provider;
  /** Processor architectures of the nodes. @internal */
  public readonly architectures: pulumi.Output<readonly Architecture[]>;
  /** Capabilities of the cluster. @internal */
  public readonly capabilities: ClusterCapabilities;
  /** How images reach the nodes. @internal */
  public readonly imageDelivery: ImageDelivery;
  /** The UID of its namespace kube-system. @internal */
  public readonly identity: pulumi.Output<string>;
  /** Undefined, as the cluster outlives the program. @internal */
  public readonly deletedWith = undefined;

  constructor(name: string, args: ExistingClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:ExistingCluster", name, {}, opts);
    const checks = new ArgumentChecks(this);
    const wanted = checkArchitectures(checks, args.capabilities?.architectures);
    this.capabilities = normalizeCapabilities(checks, args.capabilities ?? {});
    this.imageDelivery = checkFor(this, () => toImageDelivery(checks, args));
    const text = pulumi.secret(checkKubeconfig(checks, args).apply((facts) => facts.text));
    const report = pulumi.unsecret(
      checks.applyAsync(text, (known) => this.#inspect(known, wanted)),
    );
    this.#checkLateClass(checks, report);
    // An unusable cluster fails here, before anything is declared on it.
    this.kubeconfig = pulumi.secret(pulumi.all([text, report]).apply(([known]) => known));
    this.nodeAddress = pulumi
      .all([args.nodeAddress, report])
      .apply(([address, { nodeAddress }]) => address ?? nodeAddress);
    this.architectures = this.#findArchitectures(checks, report, wanted);
    this.identity = report.apply(({ identity }) => `existing/${identity}`);
    this.provider = createProvider(name, this, { parent: this, dependsOn: checks.passed });
    this.registerOutputs({ kubeconfig: this.kubeconfig, nodeAddress: this.nodeAddress });
  }

  async #inspect(kubeconfig: string, architectures: Wanted): Promise<ClusterReport> {
    const { capabilities } = this;
    const report = await inspectCluster(kubeconfig, { capabilities, architectures });
    await this.#tell(report);
    return report;
  }

  /** Outputs are waited for beside the inspection, as is the class of volumes. */
  #findArchitectures(
    checks: ArgumentChecks,
    report: pulumi.Output<ClusterReport>,
    wanted: Wanted,
  ): pulumi.Output<readonly Architecture[]> {
    if (!isLater(wanted)) {
      return report.apply(({ architectures = [] }) => architectures);
    }
    return checks.applyAsync(pulumi.all([report, wanted]), async ([{ nodes }, known]) => {
      const { line, warnings, architectures } = reportArchitectures(nodes, known);
      await this.#tell({ warnings, lines: [line] });
      return architectures;
    });
  }

  /** Beside the inspection, of which everything waits: a preview may not know the class yet. */
  #checkLateClass(checks: ArgumentChecks, report: pulumi.Output<ClusterReport>): void {
    const { storageClass } = this.capabilities;
    if (isLater(storageClass)) {
      checks.applyAsync(pulumi.all([report, storageClass]), ([{ classes }, wanted]) =>
        this.#show([describeClass(classes, wanted)]),
      );
    }
  }

  async #tell({ warnings, lines }: Pick<ClusterReport, "warnings" | "lines">): Promise<void> {
    await Promise.all(warnings.map((line) => pulumi.log.warn(line, this)));
    await this.#show(lines);
  }

  async #show(lines: string[]): Promise<void> {
    if (pulumi.runtime.isDryRun()) {
      await Promise.all(lines.map((line) => pulumi.log.info(line, this)));
    }
  }
}

/** Returns the cluster itself, or declares the one that plain values name, below `parent`. */
export function toCluster(
  given: ClusterReference | Cluster,
  name: string,
  parent: pulumi.ComponentResource,
): Cluster {
  return isDeclared(given) ? given : new ExistingCluster(name, given, { parent });
}

function isDeclared(given: ClusterReference | Cluster): given is Cluster {
  return "imageDelivery" in given;
}

/** Architectures that are configured, all of them known or none. */
type Wanted = pulumi.Input<readonly Architecture[]> | undefined;

function checkArchitectures(
  checks: ArgumentChecks,
  given: ExistingCapabilities["architectures"],
): Wanted {
  if (given === undefined) {
    return undefined;
  }
  const place = { field: "capabilities.architectures", find: findArchitectureMistake };
  const checked = checkEntries(checks, place, given) as NonNullable<typeof given>;
  return gather(checked);
}

function toImageDelivery(
  checks: ArgumentChecks,
  { registry, imageCommand: command }: ClusterReference,
): ImageDelivery {
  const check = (field: string, value: pulumi.Input<string>): pulumi.Input<string> =>
    checks.verify(value, (known) => checkText(field, known));
  const nowhere = { targets: [], registry: undefined };
  if (registry !== undefined && command !== undefined) {
    throw new ArgumentError("registry, imageCommand: expected at most one of them, got both");
  }
  if (command !== undefined) {
    const mode = ImageDeliveryMode.Command;
    return { ...nowhere, mode, command: check("imageCommand", command) };
  }
  return registry === undefined
    ? { ...nowhere, mode: ImageDeliveryMode.None }
    : { ...nowhere, mode: ImageDeliveryMode.Registry, registry: check("registry", registry) };
}

function checkText(field: string, text: unknown): string {
  if (typeof text === "string" && text.trim() !== "") {
    return text;
  }
  throw new ArgumentError(`${field}: expected text, got ${quote(text)}`);
}

/** Text that is known is checked at once, as an error inside `apply` comes late. */
function checkKubeconfig(
  checks: ArgumentChecks,
  { kubeconfig, context }: ExistingClusterArgs,
): pulumi.Output<KubeconfigFacts> {
  const facts = checks.verify(gather([kubeconfig, context] as const), ([text, name]) =>
    // Nobody means the current one by an output that turns out to be nothing.
    readKubeconfig(text, context === undefined ? undefined : checkText("context", name)),
  );
  return pulumi.output(facts);
}

function normalizeCapabilities(
  checks: ArgumentChecks,
  { loadBalancer, storageClass, networkPolicy, apiServerNetworks = [] }: ExistingCapabilities,
): ClusterCapabilities {
  const check = (name: string): string => checkText("capabilities.storageClass", name);
  const networks = { field: "capabilities.apiServerNetworks", find: findNetworkMistake };
  return {
    loadBalancer: loadBalancer ?? false,
    storageClass: storageClass === undefined ? undefined : checks.verify(storageClass, check),
    networkPolicy: networkPolicy ?? false,
    apiServerNetworks: checkEntries(checks, networks, apiServerNetworks),
  };
}
