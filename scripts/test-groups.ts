/** The groups in which jest runs the tests, each with its arguments. */
import { availableParallelism } from "node:os";

export interface TestGroup {
  name: string;
  /** For jest; patterns come first, as the option to ignore paths takes all following arguments. */
  args: readonly string[];
}

const END_TO_END = "/test/e2e/";

/** Tests of the real engine on an API server of their own, each of which keeps one core busy. */
const ENGINE = [
  "/test/components/(admission|growth|namespaces|platform-arguments|refusals|function/code-revisions)",
  "/test/integration/package",
];

/** Tests that need the machine for themselves: controllers with leases, clusters, containers. */
const ALONE = [
  "/test/components/cluster/(host-|k3s-engine)",
  "/test/stacks/recorded-",
  "/test/integration/(operator/|gateway/api-server)",
  "/test/toolchain/(?!acquire/)",
  "/test/standins/(?!provider-protocol/)",
  "/test/(cli|scripts)/",
  "/test/(fuzz|audit)/",
];

/** More workers gain little, as most tests wait, and each worker needs half a gigabyte. */
const WORKERS = Math.min(2, availableParallelism());

export const TEST_GROUPS: readonly TestGroup[] = [
  {
    name: "tests side by side",
    args: [
      `--maxWorkers=${WORKERS}`,
      ...[END_TO_END, ...ENGINE, ...ALONE].map((pattern) => `--testPathIgnorePatterns=${pattern}`),
    ],
  },
  { name: "tests of the engine", args: [...ENGINE, `--maxWorkers=${WORKERS}`] },
  { name: "tests one after the other", args: [...ALONE, "--runInBand"] },
  { name: "end to end tests", args: [END_TO_END, "--runInBand"] },
];
