/** The tools: their versions, where their vendors publish them, and how they are built instead. */
import type { Architecture } from "../contract/index.ts";
import type { Recipe } from "../standins/from-source/recipe.ts";
import {
  type DebianPrograms,
  takeFromDebian,
} from "../standins/from-source/recipes/debian-program.ts";
import { buildGo } from "../standins/from-source/recipes/go.ts";
import { buildK3s } from "../standins/from-source/recipes/k3s.ts";
import { buildPrograms, buildPrometheus } from "../standins/from-source/recipes/prometheus.ts";
import { buildPulumi } from "../standins/from-source/recipes/pulumi.ts";
import { buildKubernetesPlugin } from "../standins/from-source/recipes/pulumi-kubernetes.ts";
import { toLauncher, writeStandIn } from "../standins/from-source/recipes/stand-in.ts";
import type { Release, ReleaseFile, Source, Tool } from "./tool.ts";

/** The same k3s from the release and from source; the commit is that of the module in `go/k3s`. */
const K3S = { k3s: "1.35.0+k3s3", commit: "e69d1861", containerd: "v2.1.5-k3s1" };
const PULUMI_VERSION = "3.276.0";
/** The last version of the SDK's module that carries the Node language host. */
const LANGUAGE_HOST_VERSION = "3.68.0";
/** Version of the commit that `go/pulumi-kubernetes` pins, and of the matching SDK. */
const KUBERNETES_PLUGIN_VERSION = "4.25.0";
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

/** A provider plugin: its release, and the source that replaces it on closed networks. */
function plugin(name: string, version: string, source: Omit<Source, "version">): Tool {
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
    source: { version, ...source },
  };
}

const kubernetesPlugin = plugin("kubernetes", KUBERNETES_PLUGIN_VERSION, {
  recipe: buildKubernetesPlugin(KUBERNETES_PLUGIN_VERSION),
  inputs: ["go/pulumi-kubernetes", "recipes/pulumi-kubernetes.ts"],
  megabytes: 6000,
});

const commandPlugin = plugin("command", "1.2.1", {
  recipe: writeStandIn("command"),
  inputs: [],
  key: () => toLauncher("command"),
  megabytes: 1,
});

const k3s: Tool = {
  name: "k3s",
  executable: "bin/k3s",
  release: release(K3S.k3s, 1500, (architecture) => {
    const tag = encodeURIComponent(`v${K3S.k3s}`);
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
    version: K3S.k3s,
    recipe: buildK3s(K3S),
    inputs: [
      "go/k3s",
      "go/flannel-cni",
      "recipes/k3s.ts",
      "recipes/k3s-programs.ts",
      "recipes/module-copy.ts",
    ],
    key: () => JSON.stringify(K3S),
    megabytes: 7000,
  },
};

/** A program without a release: its vendor publishes only an image. */
function goProgram(name: string, source: { version: string; package?: string }): Tool {
  return {
    name,
    executable: `bin/${name}`,
    source: {
      version: source.version,
      recipe: (context) =>
        buildGo(context, {
          module: `go/${name}`,
          ...(source.package !== undefined && { package: source.package }),
          output: `bin/${name}`,
        }),
      inputs: [`go/${name}`],
      megabytes: 1500,
    },
  };
}

const pause = goProgram("pause", { version: "3.6" });

const localPathProvisioner = goProgram("local-path-provisioner", {
  version: "0.0.30",
  package: "github.com/rancher/local-path-provisioner",
});

const metricsServer = goProgram("metrics-server", {
  version: "0.8.0",
  package: "sigs.k8s.io/metrics-server/cmd/metrics-server",
});

/** For the tests of programs in YAML. Pulumi's release has it beside the CLI. */
const languageYaml = goProgram("pulumi-language-yaml", {
  version: "1.38.0",
  package: "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
});

const BUSYBOX: DebianPrograms = {
  package: "busybox-static",
  programs: { busybox: "bin/busybox" },
};

const busybox: Tool = {
  name: "busybox",
  executable: "bin/busybox",
  source: {
    version: "1.35.0",
    recipe: takeFromDebian(BUSYBOX),
    inputs: ["recipes/debian-program.ts"],
    key: () => JSON.stringify(BUSYBOX),
    megabytes: 20,
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
  release: release("1.14.0", 200, (architecture) => {
    const base = `${GITHUB}/coredns/coredns/releases/download/v1.14.0`;
    const archive = `coredns_1.14.0_linux_${architecture}.tgz`;
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
    version: "1.14.0",
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
  recipe: Recipe;
  inputs: readonly string[];
}

/** A tool of the Prometheus organisation, whose projects publish releases in the same way. */
function prometheusTool({ name, version, programs, recipe, inputs }: PrometheusProject): Tool {
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
      version,
      recipe,
      inputs: [...inputs, "recipes/prometheus.ts"],
      megabytes: 2500,
    },
  };
}

const prometheus = prometheusTool({
  name: "prometheus",
  version: "3.5.0",
  programs: ["prometheus", "promtool"],
  recipe: buildPrometheus("3.5.0"),
  inputs: ["go/prometheus", "recipes/module-copy.ts"],
});

const alertmanager = prometheusTool({
  name: "alertmanager",
  version: "0.28.1",
  programs: ["alertmanager", "amtool"],
  recipe: buildPrograms({
    module: "go/alertmanager",
    programs: {
      alertmanager: "github.com/prometheus/alertmanager/cmd/alertmanager",
      amtool: "github.com/prometheus/alertmanager/cmd/amtool",
    },
    version: "0.28.1",
  }),
  inputs: ["go/alertmanager"],
});

const nodeExporter = prometheusTool({
  name: "node_exporter",
  version: "1.9.1",
  programs: ["node_exporter"],
  recipe: buildPrograms({
    module: "go/node-exporter",
    programs: { node_exporter: "github.com/prometheus/node_exporter" },
    version: "1.9.1",
  }),
  inputs: ["go/node-exporter"],
});

/** All tools, in the order in which they are listed. */
export const catalogue: readonly Tool[] = [
  pulumi,
  kubernetesPlugin,
  commandPlugin,
  k3s,
  pause,
  coredns,
  localPathProvisioner,
  metricsServer,
  busybox,
  crane,
  natsServer,
  prometheus,
  alertmanager,
  nodeExporter,
  languageYaml,
];
