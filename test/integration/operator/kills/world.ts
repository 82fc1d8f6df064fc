/** A real API server, nodes that are played, and the operator, which is killed as it writes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kubelet } from "../../../../bench/operator/kubelet.ts";
import { resourcePath } from "../../../../services/lib/kubernetes.ts";
import { createLogger } from "../../../../services/lib/logger.ts";
import type { Pod } from "../../../../services/operator/kubernetes/types.ts";
import { withParent } from "../../../support/child.ts";
import { toKubeconfig } from "../../../support/gateway-process.ts";
import { runMark } from "../../../support/run-mark.ts";
import { type Fate, type Write, WriteGate } from "../../../support/write-gate.ts";
import { TestCluster } from "../cluster.ts";

const MAIN = join(import.meta.dirname, "../../../../services/operator/main.ts");

/** How much of the operator's log a failure quotes. */
const QUOTED_CHARACTERS = 4000;

/** Label of functions whose pods never run. */
export const BROKEN = "broken";

/** At which write the operator is killed, and what becomes of that one. */
export interface Kill {
  isAt: (write: Write) => boolean;
  fate: Fate;
}

export class KillWorld {
  readonly cluster: TestCluster;
  /** What the operator wrote when it was last killed. */
  killedAt: string | undefined;
  readonly #gate: WriteGate;
  readonly #folder: string;
  readonly #kubelets: Kubelet[] = [];
  #operator: ChildProcess | undefined;
  #log = "";

  private constructor(cluster: TestCluster, gate: WriteGate, folder: string) {
    this.cluster = cluster;
    this.#gate = gate;
    this.#folder = folder;
  }

  static async start(): Promise<KillWorld> {
    const cluster = await TestCluster.start();
    const gate = await WriteGate.to(cluster.kubeconfigPath);
    const world = new KillWorld(cluster, gate, await mkdtemp(join(tmpdir(), "plonk-kills-")));
    await writeFile(world.#kubeconfig, toKubeconfig(gate.url));
    return world;
  }

  async stop(): Promise<void> {
    await this.kill();
    await Promise.all(this.#kubelets.map((kubelet) => kubelet.stop()));
    await this.#gate.close();
    await this.cluster.stop();
    await rm(this.#folder, { recursive: true });
  }

  /** Runs the pods of a namespace, as all nodes would. */
  async playNodes(namespace: string): Promise<void> {
    const path = resourcePath({ plural: "pods", namespace });
    const logger = createLogger({ name: "kubelet", level: "warn" });
    const kubelet = new Kubelet({ client: this.cluster.client, path, logger, isBroken });
    this.#kubelets.push(kubelet);
    await kubelet.start();
    kubelet.switchOn();
  }

  get isRunning(): boolean {
    const { exitCode, signalCode } = this.#operator ?? { exitCode: 0, signalCode: null };
    return exitCode === null && signalCode === null;
  }

  /** As kubelet starts a container again, whose pod has the same name: it has the lead at once. */
  startOperator(kill?: Kill): void {
    this.killedAt = undefined;
    this.killLater(kill);
    const child = spawn(...withParent(process.execPath, [MAIN]), {
      env: {
        ...runMark(),
        PATH: process.env["PATH"],
        KUBECONFIG: this.#kubeconfig,
        cluster_scope: "true",
        pod_name: "operator-1",
        port: "0",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.#log = (this.#log + chunk.toString()).slice(-QUOTED_CHARACTERS);
      });
    }
    this.#operator = child;
  }

  /** Kills it at a write that is yet to come. */
  killLater(kill: Kill | undefined): void {
    this.#gate.decide = async (write) => {
      const isChosen = kill !== undefined && !isLease(write) && kill.isAt(write);
      if (!isChosen || this.killedAt !== undefined) {
        return "pass";
      }
      this.killedAt = `${write.method} ${write.path.split("?")[0] ?? ""}, ${kill.fate}`;
      await this.kill();
      return kill.fate;
    };
  }

  /** Kills it now, if it runs. */
  async kill(): Promise<void> {
    if (this.#operator !== undefined && this.isRunning) {
      const ended = once(this.#operator, "exit");
      this.#operator.kill("SIGKILL");
      await ended;
    }
  }

  /** @throws with the end of its log where it has ended, and nobody has killed it */
  requireRunning(): void {
    if (!this.isRunning) {
      throw new Error(`operator: expected to run, got its end: ${this.#log}`);
    }
  }

  get #kubeconfig(): string {
    return join(this.#folder, "kubeconfig");
  }
}

/** The lead is kept by writes of its own, at times of their own. */
function isLease({ path }: Write): boolean {
  return path.includes("/leases");
}

function isBroken({ metadata }: Pod): boolean {
  return metadata.labels?.[BROKEN] !== undefined;
}
