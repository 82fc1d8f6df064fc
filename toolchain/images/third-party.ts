/** Third-party images, assembled from tools when the vendors' own cannot be pulled. */
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Architecture, ImageArtifact, ThirdPartyImageName } from "../../contract/index.ts";
import type { AcquiredTool } from "../tool.ts";
import { assembleImage, type ImageRequest } from "./assemble.ts";
import { atPath, getRootfsLayer, packInto } from "./base.ts";
import type { ImageContext } from "./context.ts";
import type { LayerEntry } from "./layer.ts";
import type { Layer, RunConfig } from "./oci.ts";
import { NONROOT } from "./rootfs.ts";
import { findOrBuild } from "./store.ts";

/** Acquires a tool for an architecture. */
export type GetTool = (
  name: string,
  architecture: Architecture,
) => Promise<Pick<AcquiredTool, "path" | "directory" | "version">>;

/** How an image is made from a tool. */
export interface ToolImage {
  /** Name in the catalogue. */
  tool: string;
  description: string;
  /** Paths of the programs: on disk -> in the image. */
  programs: (path: string) => Record<string, string>;
  /** Whether it works without the C library, certificates and users. @default false */
  isStatic?: boolean;
  /** Whether it runs as root, for its work on the node. @default false */
  isRoot?: boolean;
  /** Symbolic links: path -> target. */
  links?: Record<string, string>;
  /** Directories for data; volumes on them belong to the image's user. */
  directories?: readonly string[];
  run: RunConfig;
}

/** Programs, entry points and working directories are those of the vendors' images. */
const TOOL_IMAGES: Record<ThirdPartyImageName, ToolImage> = {
  nats: {
    tool: "nats-server",
    description: "NATS server with JetStream",
    programs: (path) => ({ [path]: "/usr/local/bin/nats-server" }),
    run: {
      Entrypoint: ["nats-server"],
      Env: ["PATH=/usr/local/bin"],
      ExposedPorts: { "4222/tcp": {}, "6222/tcp": {}, "8222/tcp": {} },
    },
  },
  prometheus: {
    tool: "prometheus",
    description: "Prometheus",
    programs: (path) => ({
      [path]: "/bin/prometheus",
      [join(dirname(path), "promtool")]: "/bin/promtool",
    }),
    directories: ["/etc/prometheus", "/prometheus"],
    run: {
      Entrypoint: ["/bin/prometheus"],
      Cmd: ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"],
      WorkingDir: "/prometheus",
      ExposedPorts: { "9090/tcp": {} },
    },
  },
  alertmanager: {
    tool: "alertmanager",
    description: "Prometheus Alertmanager",
    programs: (path) => ({ [path]: "/bin/alertmanager" }),
    directories: ["/alertmanager", "/etc/alertmanager"],
    run: {
      Entrypoint: ["/bin/alertmanager"],
      Cmd: ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"],
      WorkingDir: "/alertmanager",
      ExposedPorts: { "9093/tcp": {} },
    },
  },
  "node-exporter": {
    tool: "node_exporter",
    description: "Prometheus exporter of machine metrics",
    programs: (path) => ({ [path]: "/bin/node_exporter" }),
    run: { Entrypoint: ["/bin/node_exporter"], ExposedPorts: { "9100/tcp": {} } },
  },
};

/** Assembles the image from the tool, for the architectures of the cluster. */
export async function assembleThirdPartyImage(
  context: ImageContext,
  request: { name: ThirdPartyImageName; architectures: readonly Architecture[]; getTool: GetTool },
): Promise<ImageArtifact> {
  const { name, architectures, getTool } = request;
  const image = await toImageRequest(context, { name, architectures, getTool }, TOOL_IMAGES[name]);
  return await assembleImage(context, { ...image, archives: architectures });
}

/** Packs a tool's programs for each architecture. */
export async function toImageRequest(
  context: ImageContext,
  request: { name: string; architectures: readonly Architecture[]; getTool: GetTool },
  image: ToolImage,
): Promise<Omit<ImageRequest, "archives">> {
  const parts = await Promise.all(
    request.architectures.map(async (architecture) => {
      const { path, version } = await request.getTool(image.tool, architecture);
      const layers = await Promise.all([
        ...(image.isStatic === true ? [] : [getRootfsLayer(context, architecture)]),
        packTool(context, image, { path, version, architecture }),
      ]);
      return {
        architecture,
        layers,
        run: { ...image.run, ...(image.isRoot !== true && { User: NONROOT }) },
        version,
      };
    }),
  );
  const tag = parts[0]?.version ?? "";
  const platforms = parts.map(({ architecture, layers, run }) => ({ architecture, layers, run }));
  return { name: request.name, tag, description: image.description, platforms };
}

async function packTool(
  context: ImageContext,
  image: ToolImage,
  tool: { path: string; version: string; architecture: Architecture },
): Promise<Layer> {
  const files = Object.entries(image.programs(tool.path));
  const directories = image.directories ?? [];
  const links = image.links ?? {};
  const entries: LayerEntry[] = [
    ...files.map(([source, path]) => ({
      kind: "copy" as const,
      source,
      path,
      isExecutable: true,
    })),
    ...directories.map((path) => ({ kind: "directory" as const, path })),
    ...Object.entries(links).map(([path, target]) => ({ kind: "link" as const, path, target })),
  ];
  const stamps = await Promise.all(files.map(async ([source]) => await stampOf(source)));
  const entry = await findOrBuild<Layer>({
    root: context.images,
    name: `tool-${image.tool}-${tool.architecture}`,
    inputs: {
      stamps,
      version: tool.version,
      paths: files.map(([, path]) => path),
      directories,
      links,
    },
    signal: context.signal,
    build: (directory) => packInto(directory, "tool.tar.zst", entries),
  });
  return atPath(entry, entry.value);
}

/** Size and time suffice: the directories of tools never change after installation. */
async function stampOf(file: string): Promise<string> {
  const { size, mtimeMs } = await stat(file);
  return `${size} ${mtimeMs}`;
}
