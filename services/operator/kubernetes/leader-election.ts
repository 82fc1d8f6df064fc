/**
 * Leader election by a Lease, in the manner of client-go: 15 s lease, 10 s to renew, 2 s between
 * attempts; every write is a compare-and-swap on the resourceVersion.
 */
import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { isKubernetesStatus, type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";

/** Times in seconds. */
export interface ElectionTimes {
  /** @default 15 */
  leaseSeconds?: number;
  /** Without a renewal for so long this instance no longer leads. @default 10 */
  renewSeconds?: number;
  /** @default 2 */
  retrySeconds?: number;
}

export interface LeaderElectionOptions extends ElectionTimes {
  client: KubernetesClient;
  logger: Logger;
  namespace: string;
  /** Name of the Lease. */
  name: string;
  /** Name of this instance, different from all others'. */
  identity: string;
}

export interface LeadershipEvents {
  /** This instance begins to lead. */
  lead: [];
  /** It no longer leads; no other instance does yet. */
  lose: [];
}

/** Whether this instance is the one that may write. */
export interface Leadership extends EventEmitter<LeadershipEvents> {
  readonly isLeading: boolean;
  /** Of the lead that this instance has: aborted when it loses that one, and while it has none. */
  readonly term: AbortSignal;
  /** Throws unless this instance leads. */
  assertLeading(): void;
  /** Stands for election. */
  start(): void;
  /** Stops, and gives the lead up so that another instance can take it at once. */
  stop(): Promise<void>;
}

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

interface Lease {
  metadata: { name: string; namespace: string; resourceVersion?: string };
  spec: LeaseSpec;
}

/** Longest time for giving the lead back, milliseconds: the process ends anyway. */
const RELEASE_MS = 4000;

export class LeaderElection extends EventEmitter<LeadershipEvents> implements Leadership {
  readonly #options: Required<LeaderElectionOptions>;
  readonly #stopping = new AbortController();
  readonly #path: string;
  /** The newest version of the Lease that was read, and when it was first read (monotonic). */
  #seen = { version: "", atMs: -Infinity };
  #renewedAtMs = -Infinity;
  /** The same by the time of day, which goes on while a machine is suspended. */
  #renewedAtTime = -Infinity;
  /** Undefined: this instance does not have the lead. */
  #term: AbortController | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: LeaderElectionOptions) {
    super();
    this.#options = { leaseSeconds: 15, renewSeconds: 10, retrySeconds: 2, ...options };
    const { namespace } = options;
    this.#path = resourcePath({ group: "coordination.k8s.io", plural: "leases", namespace });
  }

  /**
   * Whether this instance leads now, by the clock and not by the loop: a process that was suspended
   * for a while, alone or with its machine, must not write after another took over. A time of day
   * that is set forward costs the lead until the next renewal.
   */
  get isLeading(): boolean {
    const age = Math.max(performance.now() - this.#renewedAtMs, Date.now() - this.#renewedAtTime);
    return this.#term !== undefined && age < this.#options.renewSeconds * 1000;
  }

  get term(): AbortSignal {
    return this.#term?.signal ?? AbortSignal.abort(toLoss());
  }

  assertLeading(): void {
    if (!this.isLeading) {
      throw toLoss();
    }
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Gives the lead back, if it can be said in time; a request that is under way is cut. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    if (this.#running !== undefined) {
      this.#lose();
      await this.#release(AbortSignal.timeout(RELEASE_MS));
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#attempt().catch((error: unknown) => {
        if (!signal.aborted) {
          this.#noteFailure(error);
        }
      });
      // Up to a fifth of jitter, so that instances do not ask in step.
      const wait = this.#options.retrySeconds * 1000 * (1 + 0.2 * Math.random());
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  #noteFailure(error: unknown): void {
    // A conflict means that another instance was faster, which is no failure.
    if (!isKubernetesStatus(error, 409)) {
      this.#options.logger.warn({ reason: messageOf(error) }, "leader election: attempt failed");
    }
  }

  async #attempt(): Promise<void> {
    const lease = await this.#read();
    const askedAtMs = performance.now();
    if (lease === undefined) {
      await this.#create(this.#newLease());
    } else if (this.#mayTake(lease)) {
      await this.#replace(this.#taken(lease));
    } else {
      this.#lose();
      return;
    }
    // Counted from before the write, so that this instance stops no later than others start.
    this.#noteRenewal(askedAtMs);
  }

  #read(signal = this.#requestSignal()): Promise<Lease | undefined> {
    const { client, name } = this.#options;
    return client.find<Lease>(`${this.#path}/${name}`, { signal });
  }

  async #create(body: Lease): Promise<void> {
    const signal = this.#requestSignal();
    await this.#options.client.request(this.#path, { method: "POST", body, signal });
  }

  async #replace(body: Lease, signal = this.#requestSignal()): Promise<void> {
    const { client, name } = this.#options;
    await client.request(`${this.#path}/${name}`, { method: "PUT", body, signal });
  }

  #requestSignal(): AbortSignal {
    const limit = AbortSignal.timeout((this.#options.renewSeconds * 1000) / 2);
    return AbortSignal.any([limit, this.#stopping.signal]);
  }

  /** Free, ours, or unchanged for a lease's duration by our own clock (others' are not trusted). */
  #mayTake({ metadata, spec }: Lease): boolean {
    const now = performance.now();
    if (metadata.resourceVersion !== this.#seen.version) {
      this.#seen = { version: metadata.resourceVersion ?? "", atMs: now };
    }
    const { holderIdentity = "", leaseDurationSeconds = this.#options.leaseSeconds } = spec;
    const isExpired = now - this.#seen.atMs > leaseDurationSeconds * 1000;
    return holderIdentity === "" || holderIdentity === this.#options.identity || isExpired;
  }

  #newLease(): Lease {
    const { name, namespace } = this.#options;
    return { metadata: { name, namespace }, spec: this.#newSpec(0, microTime()) };
  }

  #taken({ metadata, spec }: Lease): Lease {
    const { name, namespace, identity } = this.#options;
    const isOurs = spec.holderIdentity === identity;
    const { resourceVersion } = metadata;
    return {
      metadata: { name, namespace, ...(resourceVersion !== undefined && { resourceVersion }) },
      spec: this.#newSpec(
        (spec.leaseTransitions ?? 0) + (isOurs ? 0 : 1),
        (isOurs ? spec.acquireTime : undefined) ?? microTime(),
      ),
    };
  }

  #newSpec(leaseTransitions: number, acquireTime: string): LeaseSpec {
    const { identity, leaseSeconds } = this.#options;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: leaseSeconds,
      acquireTime,
      renewTime: microTime(),
      leaseTransitions,
    };
  }

  #noteRenewal(atMs: number): void {
    this.#renewedAtMs = atMs;
    this.#renewedAtTime = Date.now() - (performance.now() - atMs);
    clearTimeout(this.#expiry);
    const left = this.#options.renewSeconds * 1000 - (performance.now() - atMs);
    this.#expiry = setTimeout(() => this.#lose(), Math.max(0, left));
    this.#expiry.unref();
    if (this.#term === undefined) {
      this.#term = new AbortController();
      this.#options.logger.info({ identity: this.#options.identity }, "leader election: leading");
      this.emit("lead");
    }
  }

  #lose(): void {
    clearTimeout(this.#expiry);
    const term = this.#term;
    if (term !== undefined) {
      this.#term = undefined;
      this.#options.logger.info("leader election: no longer leading");
      term.abort(toLoss());
      this.emit("lose");
    }
  }

  /** Again after a conflict: an attempt that was cut may be stored only now. */
  async #release(signal: AbortSignal): Promise<void> {
    let conflict: unknown;
    do {
      conflict = await this.#giveBack(signal).catch((error: unknown) => {
        this.#noteFailure(error);
        return isKubernetesStatus(error, 409) ? error : undefined;
      });
    } while (conflict !== undefined && !signal.aborted);
  }

  async #giveBack(signal: AbortSignal): Promise<void> {
    const lease = await this.#read(signal);
    if (lease?.spec.holderIdentity === this.#options.identity) {
      const released = this.#taken(lease);
      released.spec = { ...released.spec, holderIdentity: "", leaseDurationSeconds: 1 };
      await this.#replace(released, signal);
    }
  }
}

function toLoss(): Error {
  return new Error("leader election: no longer leading");
}

/** Now, in the format of Kubernetes' MicroTime. */
function microTime(): string {
  return new Date().toISOString().replace("Z", "000Z");
}
