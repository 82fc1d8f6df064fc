/** The images that a cluster built from source runs by itself: DNS and the pod sandbox. */
import type { Architecture } from "../../services/contract/index.ts";
import { archiveOf, createImage } from "./assemble.ts";
import type { ImageContext } from "./context.ts";
import { toImageRequest, type GetTool, type ToolImage } from "./third-party.ts";

/** Tags are those that the cluster's configuration names; neither image needs a C library. */
const CLUSTER_IMAGES: Record<"coredns" | "pause", ToolImage & { tag: string }> = {
  coredns: {
    tool: "coredns",
    tag: "1.12.1",
    description: "Cluster DNS",
    isStatic: true,
    programs: (path) => ({ [path]: "/coredns" }),
    run: { Entrypoint: ["/coredns"], ExposedPorts: { "53/tcp": {}, "53/udp": {} } },
  },
  pause: {
    tool: "pause",
    tag: "3.10",
    description: "Holds the namespaces of a pod",
    isStatic: true,
    programs: (path) => ({ [path]: "/pause" }),
    run: { Entrypoint: ["/pause"] },
  },
};

/** Path of one archive with both, for `agent/images/` of a node of this architecture. */
export async function assembleClusterImages(
  context: ImageContext,
  request: { architecture: Architecture; getTool: GetTool },
): Promise<string> {
  const { architecture, getTool } = request;
  const images = await Promise.all(
    Object.entries(CLUSTER_IMAGES).map(async ([name, image]) => {
      const tool = { name, architectures: [architecture], getTool };
      return createImage({ ...(await toImageRequest(context, tool, image)), tag: image.tag });
    }),
  );
  return await archiveOf(context, images, { name: "cluster", architecture });
}
