/** Publishes made-up releases of the catalogue's tools on a mirror, laid out as the vendors do. */
import { basename } from "node:path";
import { catalogue } from "../../../../toolchain/catalogue.ts";
import type { ReleaseFile, Tool } from "../../../../toolchain/tool.ts";
import { digest, makeArchive, toChecksumLine } from "./fixtures.ts";
import type { Mirror } from "./mirror.ts";

export function findTool(name: string): Tool {
  const tool = catalogue.find((candidate) => candidate.name === name);
  if (tool === undefined) {
    throw new Error(`no tool ${name}`);
  }
  return tool;
}

/** What each vendor's archive holds, as their own documentation and install scripts show it. */
const CONTENTS: Record<string, readonly string[]> = {
  pulumi: [
    "pulumi/pulumi",
    "pulumi/pulumi-language-nodejs",
    "pulumi/pulumi-resource-pulumi-nodejs",
    "pulumi/pulumi-analyzer-policy",
  ],
  "pulumi-resource-kubernetes": ["README.md", "LICENSE", "pulumi-resource-kubernetes"],
  "pulumi-resource-command": ["README.md", "LICENSE", "pulumi-resource-command"],
  crane: ["LICENSE", "README.md", "crane", "gcrane", "krane"],
  coredns: ["coredns"],
  "nats-server": [
    "nats-server-v2.15.0-linux-amd64/LICENSE",
    "nats-server-v2.15.0-linux-amd64/nats-server",
  ],
  prometheus: [
    "prometheus-3.5.0.linux-amd64/LICENSE",
    "prometheus-3.5.0.linux-amd64/prometheus",
    "prometheus-3.5.0.linux-amd64/prometheus.yml",
    "prometheus-3.5.0.linux-amd64/promtool",
  ],
  alertmanager: [
    "alertmanager-0.28.1.linux-amd64/alertmanager",
    "alertmanager-0.28.1.linux-amd64/amtool",
  ],
  node_exporter: ["node_exporter-1.9.1.linux-amd64/node_exporter"],
};

export interface Publication {
  file: ReleaseFile;
  content: Buffer;
}

async function toContent(tool: Tool, file: ReleaseFile): Promise<Buffer> {
  if (file.format === "file") {
    return Buffer.from(`${basename(file.url)} of ${tool.name}`);
  }
  const names = CONTENTS[tool.name] ?? [];
  return await makeArchive(names.map((name) => ({ name, content: `made-up ${basename(name)}` })));
}

/** Serves the release of a tool for amd64, with the vendor's checksum file. */
export async function publish(mirror: Mirror, name: string): Promise<Publication[]> {
  const tool = findTool(name);
  const files = tool.release?.files("amd64") ?? [];
  const published: Publication[] = [];
  const checksums = new Map<string, string>();
  for (const file of files) {
    const content = await toContent(tool, file);
    published.push({ file, content });
    mirror.serve(file.url, content);
    const line = toChecksumLine(basename(file.url), content);
    const before = checksums.get(file.checksums) ?? `${digest("another")}  another-file.zip\n`;
    checksums.set(file.checksums, before + line);
  }
  for (const [url, text] of checksums) {
    mirror.serve(url, text);
  }
  return published;
}
