/** Puts the operator together: watches fill a queue, and whoever leads works on it. */
import type { KubernetesClient } from "../lib/kubernetes.ts";
import { type Logger, messageOf } from "../lib/logger.ts";
import { Counter, Gauge, Histogram, type Registry } from "../lib/metrics.ts";
import type { OperatorConfig } from "./config.ts";
import { Reconciler } from "./controllers/function/controller.ts";
import { NamespaceSetup } from "./controllers/namespace/setup.ts";
import { Watches } from "./kubernetes/informers.ts";
import { LeaderElection } from "./kubernetes/leader-election.ts";
import { WorkQueue } from "./kubernetes/work-queue.ts";

export interface OperatorOptions {
  client: KubernetesClient;
  config: OperatorConfig;
  logger: Logger;
  registry: Registry;
  /** Times of the leader election in seconds, for tests. @default 15, 10 and 2 */
  election?: { leaseSeconds: number; renewSeconds: number; retrySeconds: number };
}

/** How often a namespace's set-up is looked at again: no watch tells of what it consists of. */
const NAMESPACE_RECHECK_MS = 600_000;

/** Name of the Lease in the platform's namespace. */
const LEASE_NAME = "plonk-operator";

export class Operator {
  readonly #options: OperatorOptions;
  readonly #watches: Watches;
  readonly #queue: WorkQueue;
  readonly #election: LeaderElection;
  readonly #reconciler: Reconciler;
  readonly #setup: NamespaceSetup;

  constructor(options: OperatorOptions) {
    this.#options = options;
    const { client, config, logger } = options;
    this.#watches = new Watches({
      client,
      logger,
      functionNamespace: config.functionNamespace,
      platformNamespace: config.platformNamespace,
      isClusterScoped: config.isClusterScoped,
      onChange: (key) => this.#queue.add(key),
      onNamespace: (name) => this.#queue.add(name),
      onNamespaceLeft: (name) => this.#reconciler.applier.forgetNamespace(name),
      onGone: (plural, metadata) =>
        this.#reconciler.applier.forget(plural, metadata, groupOf(plural)),
    });
    this.#reconciler = new Reconciler({
      client,
      logger,
      caches: this.#watches,
      timeouts: config.timeouts,
      identity: config.identity,
      assertLeading: () => this.#assertLeading(),
    });
    this.#setup = new NamespaceSetup({
      client,
      logger,
      platformNamespace: config.platformNamespace,
      hasNetworkPolicies: config.hasNetworkPolicies,
      deniedEgress: config.deniedEgress,
      assertLeading: () => this.#assertLeading(),
    });
    this.#election = this.#createElection();
    this.#queue = this.#createQueue();
  }

  /** Lists, then runs for the lead; resolves when the copies of the watches are complete. */
  async start(): Promise<void> {
    await this.#watches.start();
    this.#election.start();
  }

  /** Ends what runs, and gives the lead to another instance. */
  async stop(): Promise<void> {
    await this.#queue.close();
    this.#queue.clear();
    await this.#election.stop();
    await this.#watches.stop();
  }

  /** Whether this instance is the one that writes. */
  get isLeading(): boolean {
    return this.#election.isLeading;
  }

  /** For readiness: undefined, or what is wrong. */
  problem(): string | undefined {
    return this.#watches.problem();
  }

  #assertLeading(): void {
    if (!this.#election.isLeading) {
      throw new Error("leader election: no longer leading");
    }
  }

  #createElection(): LeaderElection {
    const { client, config, logger, election } = this.#options;
    return new LeaderElection({
      client,
      logger,
      namespace: config.platformNamespace,
      name: LEASE_NAME,
      identity: config.identity,
      ...election,
      onLead: () => {
        for (const key of [...this.#watches.namespaces(), ...this.#watches.keys()]) {
          this.#queue.add(key);
        }
        this.#queue.open();
      },
      onLose: () => {
        void this.#queue.close();
        this.#queue.clear();
      },
    });
  }

  #createQueue(): WorkQueue {
    const { logger, registry } = this.#options;
    const registers = [registry];
    const total = new Counter({
      name: "operator_reconcile_total",
      help: "Reconciliations of Functions and their namespaces.",
      labelNames: ["result"],
      registers,
    });
    const duration = new Histogram({
      name: "operator_reconcile_duration_seconds",
      help: "Duration of reconciliations.",
      registers,
    });
    const queue = new WorkQueue({
      handler: (key) => (key.includes("/") ? this.#reconciler.reconcile(key) : this.#prepare(key)),
      onRun: ({ key, seconds, error }) => {
        total.inc({ result: error === undefined ? "success" : "error" });
        duration.observe(seconds);
        if (error !== undefined) {
          logger.warn({ key, reason: messageOf(error) }, "not reconciled, trying again");
        }
      },
    });
    this.#createGauges(queue);
    return queue;
  }

  async #prepare(name: string): Promise<number | undefined> {
    const namespace = this.#watches.getNamespace(name);
    if (namespace === undefined) {
      return undefined;
    }
    await this.#setup.prepare(namespace);
    return NAMESPACE_RECHECK_MS;
  }

  #createGauges(queue: WorkQueue): void {
    const registers = [this.#options.registry];
    const isLeading = (): boolean => this.isLeading;
    new Gauge({
      name: "operator_workqueue_depth",
      help: "Functions that wait to be reconciled.",
      registers,
      collect() {
        this.set(queue.depth);
      },
    });
    new Gauge({
      name: "operator_leader",
      help: "1 if this instance leads, otherwise 0.",
      registers,
      collect() {
        this.set(Number(isLeading()));
      },
    });
  }
}

function groupOf(plural: "deployments" | "services"): string | undefined {
  return plural === "deployments" ? "apps" : undefined;
}
