/**
 * `npm run bench -- rolling [--calls 300000] [--rate 2500] [--kill] [--cluster]`: two gateways are
 * restarted again and again while calls go on; prints what failed, by kind. `--kill` sends SIGKILL
 * to one of them instead. `--cluster` makes a real cluster and restarts the Deployment.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { startStack } from "../test/support/stack.ts";
import { quantile, SteadyLoad, type SteadyLoadResult } from "../test/support/steady-load.ts";
import { TwoGateways } from "../test/support/two-gateways.ts";
import { readOptions } from "./options.ts";

/** Two gateways somewhere. */
interface Pair {
  url: string;
  /** Restarts all in order. */
  roll: () => Promise<void>;
  /** Kills one without warning and waits until it is back. */
  kill: () => Promise<void>;
  stop: () => Promise<void>;
}

async function startProcesses(): Promise<Pair> {
  const gateways = await TwoGateways.start();
  return {
    url: gateways.url,
    roll: async () => {
      await gateways.restart(0, "SIGTERM");
      await gateways.restart(1, "SIGTERM");
    },
    kill: async () => {
      await gateways.restart(0, "SIGKILL");
    },
    stop: () => gateways.stop(),
  };
}

const GATEWAY = ["-n", "openfaas", "deployment/gateway"];

async function startCluster(): Promise<Pair> {
  const stack = await startStack("rolling", "198.18.37.0/24");
  const waitForRollout = (): Promise<string> =>
    stack.kubectl("rollout", "status", ...GATEWAY, "--timeout=300s");
  await stack.kubectl("scale", ...GATEWAY, "--replicas=2");
  await waitForRollout();
  return {
    url: `${stack.url}/function/hello`,
    roll: async () => {
      await stack.kubectl("rollout", "restart", ...GATEWAY);
      await waitForRollout();
    },
    kill: async () => {
      const selector = "app.kubernetes.io/name=gateway";
      const pods = await stack.kubectl(
        "get",
        "pods",
        "-n",
        "openfaas",
        "-l",
        selector,
        "-o",
        "name",
      );
      const [first = ""] = pods.trim().split("\n");
      await stack.kubectl("delete", "-n", "openfaas", first, "--grace-period=0", "--force");
      await waitForRollout();
    },
    stop: () => stack.stop(),
  };
}

function print(result: SteadyLoadResult, rounds: number): void {
  const { calls, failed, outcomes, seconds } = result;
  const answered = (100 * (1 - failed / calls)).toFixed(4);
  console.log(`${calls} calls, ${rounds} rounds, ${failed} failed: ${answered} % answered`);
  console.log(`outcomes: ${JSON.stringify(outcomes)}`);
  const [p50, p99, most] = [0.5, 0.99, 1].map((share) =>
    (quantile(seconds, share) * 1000).toFixed(1),
  );
  console.log(`p50 ${p50} ms, p99 ${p99} ms, longest ${most} ms`);
}

/** Runs until the calls are made; sets the exit code when one failed. */
export async function benchRolling(args: readonly string[]): Promise<void> {
  const defaults = { calls: 300_000, rate: 2500, kill: false, cluster: false };
  const { calls, rate, kill, cluster } = readOptions(args, defaults);
  const pair = cluster ? await startCluster() : await startProcesses();
  const load = new SteadyLoad({
    url: pair.url,
    connections: 32,
    callsPerSecond: rate,
    calls,
    body: "x",
  });
  try {
    let rounds = 0;
    while (load.calls < calls) {
      await (kill ? pair.kill() : pair.roll());
      rounds += 1;
      console.log(`round ${rounds}: ${load.calls} calls`);
      await sleep(1000);
    }
    const result = await load.finished();
    print(result, rounds);
    if (!kill && result.failed > 0) {
      process.exitCode = 1;
    }
  } finally {
    await load.stop();
    await pair.stop();
  }
}
