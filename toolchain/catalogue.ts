/** The tools: their versions, where their vendors publish them, and how they are built instead. */
import type { Architecture } from "../services/contract/index.ts";
import { takeFromDebian, type DebianPrograms } from "./recipes/debian-program.ts";
import { buildGo } from "./recipes/go.ts";
import { buildK3s } from "./recipes/k3s.ts";
import { buildPulumi } from "./recipes/pulumi.ts";
import { toLauncher, writeStandIn } from "./recipes/stand-in.ts";
import type { Release, ReleaseFile, Tool } from "./tool.ts";

const KUBERNETES_VERSION = "1.34.3";
const PULUMI_VERSION = "3.259.0";
/** The last version of the SDK's module that carries the Node language host. */
const LANGUAGE_HOST_VERSION = "3.68.0";

const GITHUB = "https://github.com";

function release(
  version: string,
  megabytes: number,
  files: (architecture: Architecture) => readonly ReleaseFile[],
): Release {
  return { version, megabytes, files };
}

const pulumi: Tool = {
  name: "pulumi",
  executable: "bin/pulumi",
  onPath: { arguments: ["version"], companions: ["pulumi-language-nodejs"] },
  release: release(PULUMI_VERSION, 1200, (architecture) => {
    const base = "https://get.pulumi.com/releases/sdk";
    const platform = `linux-${architecture === "amd64" ? "x64" : "arm64"}`;
    return [
      {
        url: `${base}/pulumi-v${PULUMI_VERSION}-${platform}.tar.gz`,
        checksums: `${base}/pulumi-${PULUMI_VERSION}-checksums.txt`,
        format: "archive",
        strip: 1,
        to: "bin",
      },
    ];
  }),
  source: {
    version: PULUMI_VERSION,
    recipe: buildPulumi({ cli: PULUMI_VERSION, languageHost: LANGUAGE_HOST_VERSION }),
    inputs: ["go/pulumi", "go/language-host", "recipes/pulumi.ts"],
    megabytes: 4000,
  },
};

function plugin(name: string, version: string): Tool {
  const base = `${GITHUB}/pulumi/pulumi-${name}/releases/download/v${version}`;
  const executable = `pulumi-resource-${name}`;
  return {
    name: executable,
    executable,
    plugin: `resource-${name}-v${version}`,
    release: release(version, 500, (architecture) => [
      {
        url: `${base}/${executable}-v${version}-linux-${architecture}.tar.gz`,
        checksums: `${base}/pulumi-${name}_${version}_checksums.txt`,
        format: "archive",
        to: ".",
      },
    ]),
    source: {
      version,
      recipe: writeStandIn(name),
      inputs: [],
      key: () => toLauncher(name),
      megabytes: 1,
    },
  };
}

const k3s: Tool = {
  name: "k3s",
  executable: "bin/k3s",
  release: release(`${KUBERNETES_VERSION}+k3s1`, 1500, (architecture) => {
    const tag = encodeURIComponent(`v${KUBERNETES_VERSION}+k3s1`);
    const base = `${GITHUB}/k3s-io/k3s/releases/download/${tag}`;
    const checksums = `${base}/sha256sum-${architecture}.txt`;
    const images = `k3s-airgap-images-${architecture}.tar.zst`;
    return [
      {
        url: `${base}/${architecture === "amd64" ? "k3s" : "k3s-arm64"}`,
        checksums,
        format: "file",
        to: "bin/k3s",
        executable: true,
      },
      { url: `${base}/${images}`, checksums, format: "file", to: `images/${images}` },
    ];
  }),
  source: {
    version: `${KUBERNETES_VERSION}+plonk1`,
    recipe: buildK3s(KUBERNETES_VERSION),
    inputs: ["kubernetes", "recipes/k3s.ts"],
    megabytes: 4000,
  },
};

const pause: Tool = {
  name: "pause",
  executable: "bin/pause",
  source: {
    version: "3.10",
    recipe: (context) =>
      buildGo(context, { module: "kubernetes", package: "./pause", output: "bin/pause" }),
    inputs: ["kubernetes/pause"],
    megabytes: 100,
  },
};

const crane: Tool = {
  name: "crane",
  executable: "bin/crane",
  onPath: { arguments: ["version"] },
  release: release("0.20.6", 200, (architecture) => {
    const base = `${GITHUB}/google/go-containerregistry/releases/download/v0.20.6`;
    const platform = `Linux_${architecture === "amd64" ? "x86_64" : "arm64"}`;
    return [
      {
        url: `${base}/go-containerregistry_${platform}.tar.gz`,
        checksums: `${base}/checksums.txt`,
        format: "archive",
        only: ["crane"],
        to: "bin",
      },
    ];
  }),
  source: {
    version: "0.20.6",
    recipe: (context) =>
      buildGo(context, {
        module: "go/crane",
        package: "github.com/google/go-containerregistry/cmd/crane",
        output: "bin/crane",
        variables: { "github.com/google/go-containerregistry/cmd/crane/cmd.Version": "0.20.6" },
      }),
    inputs: ["go/crane"],
    megabytes: 400,
  },
};

const coredns: Tool = {
  name: "coredns",
  executable: "bin/coredns",
  onPath: { arguments: ["-version"] },
  release: release("1.12.1", 200, (architecture) => {
    const base = `${GITHUB}/coredns/coredns/releases/download/v1.12.1`;
    const archive = `coredns_1.12.1_linux_${architecture}.tgz`;
    return [
      {
        url: `${base}/${archive}`,
        checksums: `${base}/${archive}.sha256`,
        format: "archive",
        only: ["coredns"],
        to: "bin",
      },
    ];
  }),
  source: {
    version: "1.12.1",
    recipe: (context) => buildGo(context, { module: "go/coredns", output: "bin/coredns" }),
    inputs: ["go/coredns"],
    megabytes: 1500,
  },
};

const natsServer: Tool = {
  name: "nats-server",
  executable: "bin/nats-server",
  onPath: { arguments: ["--version"] },
  release: release("2.15.0", 100, (architecture) => {
    const base = `${GITHUB}/nats-io/nats-server/releases/download/v2.15.0`;
    return [
      {
        url: `${base}/nats-server-v2.15.0-linux-${architecture}.tar.gz`,
        checksums: `${base}/SHA256SUMS`,
        format: "archive",
        strip: 1,
        only: ["nats-server"],
        to: "bin",
      },
    ];
  }),
  source: {
    version: "2.15.0",
    recipe: (context) =>
      buildGo(context, {
        module: "go/nats-server",
        package: "github.com/nats-io/nats-server/v2",
        output: "bin/nats-server",
      }),
    inputs: ["go/nats-server"],
    megabytes: 500,
  },
};

interface PrometheusProject {
  name: string;
  version: string;
  programs: readonly string[];
  debian: DebianPrograms & { version: string };
}

/** The projects of Prometheus publish alike. */
function prometheusTool({ name, version, programs, debian }: PrometheusProject): Tool {
  const base = `${GITHUB}/prometheus/${name}/releases/download/v${version}`;
  return {
    name,
    executable: `bin/${name}`,
    release: release(version, 600, (architecture) => [
      {
        url: `${base}/${name}-${version}.linux-${architecture}.tar.gz`,
        checksums: `${base}/sha256sums.txt`,
        format: "archive",
        strip: 1,
        only: programs,
        to: "bin",
      },
    ]),
    source: {
      version: debian.version,
      recipe: takeFromDebian(debian),
      inputs: ["recipes/debian-program.ts"],
      key: () => JSON.stringify(debian),
      megabytes: 800,
    },
  };
}

const prometheus = prometheusTool({
  name: "prometheus",
  version: "3.5.0",
  programs: ["prometheus", "promtool"],
  debian: {
    package: "prometheus",
    version: "2.42.0",
    programs: { prometheus: "usr/bin/prometheus", promtool: "usr/bin/promtool" },
  },
});

const alertmanager = prometheusTool({
  name: "alertmanager",
  version: "0.28.1",
  programs: ["alertmanager", "amtool"],
  debian: {
    package: "prometheus-alertmanager",
    version: "0.25.0",
    programs: { alertmanager: "usr/bin/prometheus-alertmanager", amtool: "usr/bin/amtool" },
    // Debian's build reads at start what the vendor's has within.
    files: {
      "share/default.tmpl": "usr/share/prometheus/alertmanager/default.tmpl",
      "share/email.tmpl": "usr/share/prometheus/alertmanager/email.tmpl",
    },
  },
});

const nodeExporter = prometheusTool({
  name: "node_exporter",
  version: "1.9.1",
  programs: ["node_exporter"],
  debian: {
    package: "prometheus-node-exporter",
    version: "1.5.0",
    programs: { node_exporter: "usr/bin/prometheus-node-exporter" },
  },
});

/** All tools; their order is that of the listing. */
export const catalogue: readonly Tool[] = [
  pulumi,
  plugin("kubernetes", "4.34.2"),
  plugin("command", "1.2.1"),
  k3s,
  pause,
  crane,
  coredns,
  natsServer,
  prometheus,
  alertmanager,
  nodeExporter,
];
