/** The controller of replicas by load: of all functions that alerts do not scale. */
import {
  type Autoscale,
  FIELD_MANAGER,
  type FunctionResource,
  isAutoscaled,
  readAutoscale,
  toDisplayName,
  toKey,
} from "../../../../contract/index.ts";
import { functionPath } from "../../../lib/function-path.ts";
import { isKubernetesStatus, type KubernetesClient } from "../../../lib/kubernetes.ts";
import { type Logger, messageOf } from "../../../lib/logger.ts";
import type { Registry } from "../../../lib/metrics.ts";
import type { Controller, ReconcileResult, Trigger } from "../../kubernetes/controller.ts";
import { recordEvent } from "../../kubernetes/events.ts";
import type { FunctionNamespaces } from "../../kubernetes/function-namespaces.ts";
import type { ScaleDecisions } from "../../scale-decisions.ts";
import { findMistakes } from "../../validate.ts";
import { decide, type Decision, isKnown, type ScaleRules } from "./decide.ts";
import { describeDecision, type ScaleChange } from "./describe.ts";
import { AutoscalerMetrics } from "./metrics.ts";
import { Floors, toRules } from "./rules.ts";
import { GAP_MS, type ScaleMemory } from "./scale-memory.ts";
import {
  type Loads,
  type ScaledFunction,
  SignalReader,
  type SignalReaderOptions,
} from "./signals.ts";

export interface AutoscalerControllerOptions extends Omit<SignalReaderOptions, "now"> {
  client: KubernetesClient;
  logger: Logger;
  informers: {
    functions: {
      get(key: string): FunctionResource | undefined;
      values(): Iterable<FunctionResource>;
    };
    namespaces: Pick<FunctionNamespaces, "state">;
  };
  /** Hears what was decided. */
  decisions: ScaleDecisions;
  /** Name of this instance, for Events. */
  identity: string;
  registry: Registry;
  /** Longest wait for the API server to take a change, milliseconds. @default 3000 */
  writeTimeoutMs?: number;
  /** Milliseconds of a clock that is never set. @default the process's own */
  now?: () => number;
  /** Unix milliseconds. @default the system's */
  wallNow?: () => number;
}

/** How often all functions are looked at, milliseconds. */
const LOOK_MS = 1000;

/** How long a load has to be unknown before the status says so, milliseconds. */
const UNKNOWN_MS = 30_000;

/** Longest wait for the API server to take a change, milliseconds. */
const WRITE_MS = 3000;

/** Writes at the same time. */
const MOST_WRITES = 8;

/** The one key: a look at all functions, as gateways tell of all of them at once. */
const ALL = "all";

/** What is known of one function. */
interface Course extends ScaledFunction {
  floors: Floors;
  memory: ScaleMemory | undefined;
  /** Since when a load has been unknown. */
  unknownSince: number | undefined;
}

interface Change {
  resource: FunctionResource;
  /** Before it. */
  replicas: number;
  decision: ScaleChange;
  text: string;
}

export class AutoscalerController implements Controller {
  readonly name = "autoscaler";
  /** It looks by itself. */
  readonly informers: readonly Trigger[] = [];
  readonly #options: AutoscalerControllerOptions;
  readonly #now: () => number;
  readonly #wallNow: () => number;
  readonly #signals: SignalReader;
  readonly #metrics: AutoscalerMetrics;
  readonly #courses = new Map<string, Course>();
  /** Functions that are wrong. */
  readonly #refused = new WeakSet<FunctionResource>();
  /** What is being written, by key. */
  readonly #writes = new Map<string, Promise<void>>();
  #lastWritten = "";
  #lookedAt = -Infinity;

  constructor(options: AutoscalerControllerOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#wallNow = options.wallNow ?? (() => Date.now());
    this.#signals = new SignalReader({ ...options, now: this.#now });
    this.#metrics = new AutoscalerMetrics(options.registry, this.#now);
  }

  keys(): string[] {
    return [ALL];
  }

  /** What fails for one function is tried again with the next look, and concerns no other. */
  async reconcile(): Promise<ReconcileResult> {
    const now = this.#now();
    if (now - this.#lookedAt > GAP_MS) {
      this.#beginAnew();
    }
    this.#lookedAt = now;
    this.#follow();
    await this.#signals.look([...this.#courses.values()]);
    this.#write(this.#decideAll());
    return { requeueAfterMs: LOOK_MS };
  }

  /** Resolves when nothing is being written. */
  async settle(): Promise<void> {
    await Promise.all(this.#writes.values());
  }

  /** Another instance may have looked, and decided, meanwhile. */
  #beginAnew(): void {
    this.#options.decisions.clear();
    for (const course of this.#courses.values()) {
      course.unknownSince = undefined;
    }
  }

  async close(): Promise<void> {
    await this.settle();
    await this.#signals.close();
  }

  /** Takes up functions that are scaled by their load, and drops those that are not any more. */
  #follow(): void {
    const { informers, decisions } = this.#options;
    for (const resource of informers.functions.values()) {
      const key = toKey(resource.metadata);
      const course = this.#courses.get(key);
      if (course?.resource !== resource) {
        this.#take(key, resource, course);
      }
    }
    for (const [key, { resource }] of this.#courses) {
      if (informers.functions.get(key) !== resource || !this.#isServed(resource)) {
        this.#courses.delete(key);
        decisions.forget(key);
        this.#metrics.forget(toDisplayName(resource.metadata));
      }
    }
  }

  #take(key: string, resource: FunctionResource, before: Course | undefined): void {
    const autoscale = this.#isServed(resource) ? this.#read(resource) : undefined;
    if (autoscale === undefined) {
      return;
    }
    // What was made anew under its name has another past.
    const isSame = before?.resource.metadata.uid === resource.metadata.uid;
    const past = isSame ? before : undefined;
    this.#courses.set(key, {
      resource,
      autoscale,
      floors: new Floors(autoscale.floors),
      memory: past?.memory,
      unknownSince: past?.unknownSince,
    });
  }

  /** Undefined: alerts scale it, or something is wrong, which is found once. */
  #read(resource: FunctionResource): Autoscale | undefined {
    if (!isAutoscaled(resource.spec) || this.#refused.has(resource)) {
      return undefined;
    }
    if (findMistakes(resource).length > 0) {
      this.#refused.add(resource);
      return undefined;
    }
    return readAutoscale(resource.spec);
  }

  #isServed(resource: FunctionResource): boolean {
    const { namespace, deletionTimestamp } = resource.metadata;
    const state = this.#options.informers.namespaces.state(namespace);
    return deletionTimestamp === undefined && state === "served";
  }

  #decideAll(): Map<string, Change> {
    const changes = new Map<string, Change>();
    for (const [key, course] of this.#courses) {
      const change = this.#decide(key, course);
      if (change !== undefined) {
        changes.set(key, change);
      }
    }
    return changes;
  }

  /** What is to be written, if anything. */
  #decide(key: string, course: Course): Change | undefined {
    const { resource, autoscale, floors, memory } = course;
    const { replicas } = resource.spec;
    if (replicas === undefined) {
      // It is the controller of Functions that writes the first ones.
      return undefined;
    }
    const functionName = toDisplayName(resource.metadata);
    const rules = toRules(autoscale, floors.at(this.#wallNow()));
    const loads = this.#signals.of(resource, autoscale);
    const decision = decide(memory, { now: this.#now(), replicas, ...loads }, rules);
    course.memory = decision.memory;
    this.#metrics.saw(functionName, { loads: loads.loads, rules, decision });
    this.#tellUnknown(key, course, { rules, loads });
    if (!isChange(decision)) {
      return undefined;
    }
    return { resource, replicas, decision, text: describeDecision(decision, replicas, rules) };
  }

  /** Says in the status which loads are unknown, when that lasts. */
  #tellUnknown(
    key: string,
    course: Course,
    { rules, loads: { loads } }: { rules: ScaleRules; loads: Loads },
  ): void {
    const hasPods = course.resource.spec.replicas !== 0;
    const names = rules.signals
      // Without a pod there is nothing that pods use; those that have just come are measured later.
      .filter(({ isDemand }, index) =>
        isDemand ? !isKnown(loads[index]) : hasPods && loads[index]?.value === undefined,
      )
      .map(({ name }) => name);
    course.unknownSince = names.length === 0 ? undefined : (course.unknownSince ?? this.#now());
    const { unknownSince } = course;
    const hasLasted = unknownSince !== undefined && this.#now() - unknownSince >= UNKNOWN_MS;
    if (names.length === 0 || hasLasted) {
      this.#options.decisions.setUnknown(key, hasLasted ? names.join(", ") : undefined);
    }
  }

  /**
   * Begins to write, and does not wait: one that takes long holds up no look, and only itself.
   * Those that have waited longest go first.
   */
  #write(changes: ReadonlyMap<string, Change>): void {
    const keys = [...changes.keys()];
    const next = keys.indexOf(this.#lastWritten) + 1;
    for (const key of [...keys.slice(next), ...keys.slice(0, next)]) {
      const change = changes.get(key);
      if (this.#writes.size >= MOST_WRITES) {
        return;
      }
      if (change !== undefined && !this.#writes.has(key)) {
        this.#lastWritten = key;
        const written = this.#writeOne(key, change).finally(() => this.#writes.delete(key));
        this.#writes.set(key, written);
      }
    }
  }

  async #writeOne(key: string, { resource, replicas, decision, text }: Change): Promise<void> {
    const { logger, decisions } = this.#options;
    const functionName = toDisplayName(resource.metadata);
    const { reason } = decision;
    try {
      await this.#patch(resource, decision.replicas);
    } catch (error) {
      // Somebody else has changed it meanwhile, or it is gone: the next look sees what is there.
      const isUsual = isKubernetesStatus(error, 409) || isKubernetesStatus(error, 404);
      logger[isUsual ? "debug" : "warn"]({ functionName, reason: messageOf(error) }, "not scaled");
      return;
    }
    logger.info({ functionName, from: replicas, to: decision.replicas, reason, text }, "scaled");
    this.#metrics.decided(functionName, reason);
    decisions.decided(key, `${reason}: ${text}`);
    await recordEvent(this.#options, resource, { type: "Normal", reason, message: text });
  }

  /** Throws a Conflict where it is not as it was seen. */
  async #patch({ metadata }: FunctionResource, replicas: number): Promise<void> {
    const { resourceVersion } = metadata;
    await this.#options.client.request(functionPath(metadata, "scale"), {
      method: "PATCH",
      query: { fieldManager: FIELD_MANAGER.operator },
      contentType: "application/merge-patch+json",
      body: { metadata: { resourceVersion }, spec: { replicas } },
      signal: AbortSignal.timeout(this.#options.writeTimeoutMs ?? WRITE_MS),
    });
  }
}

function isChange(decision: Decision): decision is ScaleChange {
  return decision.reason !== undefined;
}
