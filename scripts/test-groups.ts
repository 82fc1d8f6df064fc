/** The groups in which jest runs the tests, each with its arguments. */
import { availableParallelism } from "node:os";

export interface TestGroup {
  name: string;
  /** For jest; patterns come first, as the option to ignore paths takes all following arguments. */
  args: readonly string[];
}

const END_TO_END = "/test/e2e/";

/** Those with a cluster of their own, which wait for pods and images most of the time. */
const CLUSTERS = [
  "/test/e2e/(existing-cluster|gateway|several-stacks)",
  "/test/components/cluster/k3s-engine",
];

/** Those that count calls under load, or take a vendor's place for the whole machine. */
const MACHINE = "/test/e2e/(open-network|stack)";

/** Tests with an engine, an API server or images of their own: each keeps one core busy. */
const HEAVY = [
  "/test/components/(admission|growth|namespaces|platform-arguments|refusals|function/code-revisions)",
  "/test/integration/(package|operator/|gateway/(api-server|namespace-guard))",
  "/test/stacks/recorded-",
  "/test/toolchain/(?!acquire/)",
  "/test/standins/(?!provider-protocol/)",
  "/test/(cli|scripts)/",
];

/** Tests that need the machine for themselves: networks of hosts, and overload. */
const ALONE = ["/test/components/cluster/host-", "/test/(fuzz|audit)/"];

/** More workers gain little, as most tests wait. */
const WORKERS = Math.min(2, availableParallelism());

/**
 * Jest keeps the modules of each file that it has run, and what asks V8 about all scripts, as the
 * serializer of closures does, takes ten times as long in the end. A worker that has grown to this
 * is replaced, which takes half a second; most files of components grow it by half of that.
 */
const FRESH_WORKERS = "--workerIdleMemoryLimit=300MB";

export const TEST_GROUPS: readonly TestGroup[] = [
  {
    name: "tests side by side",
    args: [
      `--maxWorkers=${WORKERS}`,
      FRESH_WORKERS,
      ...[END_TO_END, ...CLUSTERS, ...HEAVY, ...ALONE].map(
        (pattern) => `--testPathIgnorePatterns=${pattern}`,
      ),
    ],
  },
  { name: "heavy tests two at a time", args: [...HEAVY, `--maxWorkers=${WORKERS}`, FRESH_WORKERS] },
  { name: "tests one after the other", args: [...ALONE, "--maxWorkers=1", FRESH_WORKERS] },
  { name: "clusters two at a time", args: [...CLUSTERS, `--maxWorkers=${WORKERS}`, FRESH_WORKERS] },
  { name: "end to end tests", args: [MACHINE, "--maxWorkers=1", FRESH_WORKERS] },
];
