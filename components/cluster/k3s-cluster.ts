/** A Kubernetes cluster of k3s on Linux hosts: a laptop, a CI machine, bare metal, edge boards. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Architecture } from "../../contract/index.ts";
import { ArgumentChecks, ArgumentError, checkFor } from "../errors.ts";
import { UNKNOWN } from "../unknown.ts";
import {
  type Cluster,
  type ClusterCapabilities,
  type ImageDelivery,
  ImageDeliveryMode,
} from "./cluster.ts";
import { type HostCommand, type HostOptions, run } from "./host.ts";
import { createHostScript, quote, toWord } from "./host-script.ts";
import {
  type K3sBinary,
  type K3sClusterArgs,
  normalizeCluster,
  type ResolvedCluster,
  type ResolvedHost,
} from "./k3s-args.ts";
import { createK3sConfig } from "./k3s-config.ts";
import { checkPresence, parseStarted, type StartedNode } from "./presence.ts";
import { createProvider } from "./provider.ts";

/**
 * A k3s cluster. It installs the pinned binary and the cluster's own images on the host, starts the
 * service and waits until the node is Ready. Deleting it restores the host.
 *
 * All files of a node are in its directory, with scripts that work without Pulumi and can be run by
 * root at any time: `start.sh` (starts the node if it is not running, e.g. after a reboot; prints a
 * line only when it does something), `stop.sh`, `remove.sh`, and `kubectl.sh`. The first three exit
 * with 0, 3 (the network cannot be created), 4 (not ready in time), 5 (not root), or 6 (something
 * could not be stopped).
 *
 * @example
 * const cluster = new K3sCluster("local", {
 *   servers: [{ connection: { local: true } }],
 *   k3s: artifacts.k3s,
 * });
 */
export class K3sCluster extends pulumi.ComponentResource implements Cluster {
  /** Kubeconfig file content, YAML. Secret. */
  public readonly kubeconfig: pulumi.Output<string>;
  /** An address of a node, for NodePorts. Resolves when the cluster is ready. */
  public readonly nodeAddress: pulumi.Output<string>;
  /** Provider for every object on this cluster. @internal */
  public readonly provider: k8s.Provider;
  /** Processor architectures of the nodes. @internal */
  public readonly architectures: pulumi.Output<readonly Architecture[]>;
  /** Capabilities of the cluster. @internal */
  public readonly capabilities: ClusterCapabilities;
  /** How images reach the nodes. @internal */
  public readonly imageDelivery: ImageDelivery;
  /** @internal */
  public readonly identity: pulumi.Output<string>;
  /** The resource whose deletion deletes everything on the cluster. @internal */
  public readonly deletedWith: pulumi.Resource;

  constructor(name: string, args: K3sClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:K3sCluster", name, {}, opts);
    const checks = new ArgumentChecks(this);
    const resolved = checkFor(this, () => normalizeCluster(checks, name, args));
    this.identity = toIdentity(resolved);
    const { identity } = this;
    const { passed } = checks;
    const started = createNode(`${name}-server`, { ...resolved, identity, passed }, this);
    this.deletedWith = started;
    const found = checks.applyAsync(pulumi.all([started.stdout, this.urn]), ([stdout, urn]) =>
      this.#find(parseStarted(stdout), resolved.server, urn),
    );
    this.kubeconfig = pulumi.secret(found);
    this.nodeAddress = started.stdout.apply(() => resolved.server.address);
    this.provider = createProvider(name, this, { parent: this, dependsOn: checks.passed });
    this.architectures = pulumi.output([resolved.server.architecture]);
    this.capabilities = toCapabilities(resolved);
    this.imageDelivery = toImageDelivery(resolved, started);
    this.registerOutputs({ kubeconfig: this.kubeconfig, nodeAddress: this.nodeAddress });
  }

  /**
   * The kubeconfig of an existing node. A missing one is only a warning in a preview, which may run
   * on another machine.
   */
  async #find(started: StartedNode, host: ResolvedHost, urn: string): Promise<string> {
    try {
      await checkPresence(started.uid, host);
    } catch (error) {
      if (!(error instanceof ArgumentError)) {
        throw error;
      }
      const message =
        `${error.message}. If it is lost, pulumi destroy --target ${quote(urn)} ` +
        "--target-dependents removes it from the state, and the next up creates it again";
      if (!pulumi.runtime.isDryRun()) {
        throw new ArgumentError(message);
      }
      await pulumi.log.warn(message, this);
    }
    return started.kubeconfig;
  }
}

/**
 * Three steps; the last outputs the kubeconfig when the node is Ready. Only the first has `delete`
 * commands, so that a node whose creation was interrupted is removed as a whole. It must run before
 * another cluster is created in the same directory.
 *
 * Objects have the last step as `deletedWith`: Pulumi honours that when the step is replaced, but
 * not for a step that is deleted before its replacement.
 */
function createNode(
  name: string,
  resolved: ResolvedCluster & Pick<K3sCluster, "identity"> & Pick<ArgumentChecks, "passed">,
  parent: pulumi.Resource,
): HostCommand {
  const { server, k3s } = resolved;
  const triggers = [resolved.identity];
  const place = (options: pulumi.CustomResourceOptions): HostOptions => ({
    connection: server.connection,
    options: { parent, ...options },
  });
  const script = `sh ${quote(`${server.directory}/cluster.sh`)}`;
  const prepared = run(name, place({ deleteBeforeReplace: true, dependsOn: resolved.passed }), {
    create: toPrepareCommand(server.directory),
    delete: "sh -s -- remove",
    stdin: toScript(resolved),
    triggers,
  });
  const isKept = k3s.path === "";
  const installed = run(`${name}-install`, place({ dependsOn: [prepared] }), {
    create: isKept ? UNKNOWN : toInstallCommand(script, k3s),
    stdin: createK3sConfig(resolved),
    triggers,
    isKept,
  });
  return run(`${name}-start`, place({ dependsOn: [installed] }), {
    create: installed.stdout.apply((installation) =>
      [`start ${quote(installation)} >&2`, "identity", "kubeconfig"]
        .map((command) => `${script} ${command}`)
        .join(" && "),
    ),
    triggers,
    isOutputSecret: true,
  });
}

/**
 * The immutable properties of a cluster: a change of any of them replaces it. k3s stores its
 * networks and its token in the database, and volumes are bound to a node by its name.
 */
function toIdentity({ cluster, server, ...given }: ResolvedCluster): pulumi.Output<string> {
  const { directory, name, isolation, connection } = server;
  const fixed = { cluster, directory, name, connection, subnet: isolation?.subnet };
  return pulumi.output(given.token).apply((token) => {
    const { clusterCidr, serviceCidr } = given;
    const text = JSON.stringify({ ...fixed, clusterCidr, serviceCidr, token });
    return `k3s/${cluster}/${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
  });
}

function toScript(resolved: ResolvedCluster): pulumi.Output<string> {
  const { server } = resolved;
  return pulumi.output(resolved.readySeconds).apply((readySeconds) =>
    createHostScript({
      cluster: resolved.cluster,
      owner: `${pulumi.getProject()}/${pulumi.getStack()}`,
      directory: server.directory,
      nodeName: server.name,
      nodeAddress: server.address,
      serviceCidr: resolved.serviceCidr,
      cgroup: server.cgroup,
      readySeconds,
      supervised: server.supervised,
      isolation: server.isolation,
    }),
  );
}

/** Stores the script from standard input, and runs the stored one. */
function toPrepareCommand(directory: string): string {
  const file = quote(`${directory}/cluster.sh`);
  return [
    `umask 077 && mkdir -p ${quote(directory)}`,
    `cat > ${file}.new && sh ${file}.new claim && mv ${file}.new ${file}`,
    `sh ${file} prepare`,
  ].join(" && ");
}

function toInstallCommand(script: string, k3s: K3sBinary): pulumi.Output<string> {
  const sources = [k3s.path, k3s.airgapImages ?? ""].map((path) => toWord(path)).join(" ");
  // The arguments after the paths are not read: they only trigger an update.
  return pulumi.interpolate`${script} install ${sources} ${quote(k3s.version)} ${toFingerprint(k3s)}`;
}

/** Changes with the content of the files, to detect a rebuilt binary of the same version. */
function toFingerprint(k3s: K3sBinary): pulumi.Output<string> {
  const paths = [k3s.path, ...(k3s.airgapImages ? [k3s.airgapImages] : [])];
  return pulumi.all(paths.map(hashFile)).apply((hashes) => hashes.join(" "));
}

/** Hashes in chunks, which is three times as fast as at once; every run of the program does it. */
async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const part = Buffer.allocUnsafe(1024 ** 2);
  const file = await open(path);
  try {
    for (;;) {
      const { bytesRead } = await file.read(part);
      if (bytesRead === 0) {
        return hash.digest("hex").slice(0, 16);
      }
      hash.update(part.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

function toCapabilities(resolved: ResolvedCluster): ClusterCapabilities {
  return {
    loadBalancer: !resolved.disable.includes("servicelb"),
    storageClass: resolved.disable.includes("local-storage") ? undefined : "local-path",
    networkPolicy: true,
    apiServerNetworks: [
      `${resolved.server.address}/32`,
      `${firstAddress(resolved.serviceCidr)}/32`,
    ],
  };
}

/** The address of the Service `kubernetes`: the first host address of the network. */
function firstAddress(cidr: string): string {
  const [address = ""] = cidr.split("/");
  const octets = address.split(".").map(Number);
  return [...octets.slice(0, 3), (octets[3] ?? 0) + 1].join(".");
}

function toImageDelivery(resolved: ResolvedCluster, started: HostCommand): ImageDelivery {
  const { server } = resolved;
  const file = quote(`${server.directory}/cluster.sh`);
  // The commands work only when containerd is ready.
  const whenStarted = (command: string): pulumi.Output<string> =>
    pulumi.unsecret(started.stdout.apply(() => command));
  return {
    mode: ImageDeliveryMode.Preload,
    targets: [
      {
        host: "server",
        connection: server.connection,
        architecture: server.architecture,
        importScript: whenStarted(
          `sh ${file} import-image "$IMAGE_NAME" "$ARCHIVE" "$IMAGE_DIGEST"`,
        ),
        // Nothing to remove when the cluster has been deleted.
        removeScript: whenStarted(`[ ! -e ${file} ] || sh ${file} forget-image "$IMAGE_NAME"`),
      },
    ],
    registry: undefined,
  };
}
