/** The system images of a k3s that was built from source, under the names in its manifests. */
import type { Architecture } from "../../contract/index.ts";
import { archiveOf, createImage } from "./assemble.ts";
import type { ImageContext } from "./context.ts";
import { type GetTool, toImageRequest, type ToolImage } from "./third-party.ts";

const REGISTRY = "docker.io/rancher";

/** Programs for the helper pods of local-path-provisioner and for users in a shell. */
const APPLETS =
  "cat chmod chown cp df du echo env find grep ls mkdir mv ps rm rmdir sh sleep stat tar";

/** Repositories and tags as in k3s' manifests; none of the images needs a C library. */
const CLUSTER_IMAGES: Record<string, ToolImage & { tag: string }> = {
  "mirrored-coredns-coredns": {
    tool: "coredns",
    tag: "1.14.0",
    description: "Cluster DNS",
    isStatic: true,
    programs: (path) => ({ [path]: "/coredns" }),
    run: { Entrypoint: ["/coredns"], ExposedPorts: { "53/tcp": {}, "53/udp": {} } },
  },
  // Later versions are not available as Go modules; the configuration is the same.
  "local-path-provisioner": {
    tool: "local-path-provisioner",
    tag: "v0.0.34",
    description: "Volumes in directories of a node",
    isStatic: true,
    programs: (path) => ({ [path]: "/usr/bin/local-path-provisioner" }),
    run: { Entrypoint: ["local-path-provisioner"], Env: ["PATH=/usr/bin"] },
  },
  "mirrored-library-busybox": {
    tool: "busybox",
    tag: "1.37.0",
    description: "A shell with the usual programs",
    isStatic: true,
    isRoot: true,
    programs: (path) => ({ [path]: "/bin/busybox" }),
    links: Object.fromEntries(APPLETS.split(" ").map((name) => [`/bin/${name}`, "busybox"])),
    run: { Cmd: ["sh"], Env: ["PATH=/bin"] },
  },
  "mirrored-metrics-server": {
    tool: "metrics-server",
    tag: "v0.8.0",
    description: "Metrics of pods and nodes for kubectl top and autoscalers",
    isStatic: true,
    programs: (path) => ({ [path]: "/metrics-server" }),
    run: { Entrypoint: ["/metrics-server"] },
  },
  "mirrored-pause": {
    tool: "pause",
    tag: "3.6",
    description: "Holds the namespaces of a pod",
    isStatic: true,
    programs: (path) => ({ [path]: "/pause" }),
    run: { Entrypoint: ["/pause"] },
  },
};

/** Path of an archive with all of them, for `agent/images/` of a node of this architecture. */
export async function assembleClusterImages(
  context: ImageContext,
  request: { architecture: Architecture; getTool: GetTool },
): Promise<string> {
  const { architecture, getTool } = request;
  const images = await Promise.all(
    Object.entries(CLUSTER_IMAGES).map(async ([name, image]) => {
      const tool = { name, architectures: [architecture], getTool };
      const assembled = await toImageRequest(context, tool, image);
      return createImage({
        ...assembled,
        registry: REGISTRY,
        tag: image.tag,
        version: assembled.tag,
      });
    }),
  );
  return await archiveOf(context, images, { name: "cluster", architecture });
}
