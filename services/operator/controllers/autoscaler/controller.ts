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
import type { Leadership } from "../../kubernetes/leader-election.ts";
import type { ScaleDecisions } from "../../scale-decisions.ts";
import { findMistakes } from "../../validate.ts";
import { decide, type Decision, type ScaleRules } from "./decide.ts";
import { describeDecision } from "./describe.ts";
import { AutoscalerMetrics } from "./metrics.ts";
import { Floors, toRules } from "./rules.ts";
import type { ScaleMemory } from "./scale-memory.ts";
import { type Loads, SignalReader, type SignalReaderOptions } from "./signals.ts";

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
  leadership: Pick<Leadership, "assertLeading">;
  /** Hears what was decided. */
  decisions: ScaleDecisions;
  /** Name of this instance, for Events. */
  identity: string;
  registry: Registry;
  /** Milliseconds of a clock that is never set. @default the process's own */
  now?: () => number;
  /** Unix milliseconds. @default the system's */
  wallNow?: () => number;
}

/** How often all functions are looked at, milliseconds. */
const LOOK_MS = 1000;

/** How long a load has to be unknown before the status says so, milliseconds. */
const UNKNOWN_MS = 30_000;

/** What was remembered is of before, where nobody has looked for longer, milliseconds. */
const GAP_MS = 10_000;

/** For how long changes of one look are begun to be written, milliseconds. */
const WRITE_MS = 3000;

/** Writes at the same time. */
const MOST_WRITES = 8;

/** The one key: a look at all functions, as gateways tell of all of them at once. */
const ALL = "all";

/** What is known of one function. */
interface Course {
  resource: FunctionResource;
  autoscale: Autoscale;
  floors: Floors;
  memory: ScaleMemory | undefined;
  /** Since when a load has been unknown. */
  unknownSince: number | undefined;
}

interface Change {
  key: string;
  resource: FunctionResource;
  replicas: number;
  decision: Decision;
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

  /** Never throws: what fails for one function is tried again with the next look. */
  async reconcile(): Promise<ReconcileResult> {
    const now = this.#now();
    if (now - this.#lookedAt > GAP_MS) {
      // Another instance may have decided meanwhile.
      this.#courses.clear();
      this.#options.decisions.clear();
    }
    this.#lookedAt = now;
    this.#follow();
    const autoscales = Array.from(this.#courses.values(), ({ autoscale }) => autoscale);
    await this.#signals.look(autoscales);
    const changes = Array.from(this.#courses).flatMap(([key, course]) => this.#decide(key, course));
    // What is not written in time is decided anew.
    while (changes.length > 0 && this.#now() - now < WRITE_MS) {
      await Promise.all(changes.splice(0, MOST_WRITES).map((change) => this.#write(change)));
    }
    return { requeueAfterMs: LOOK_MS };
  }

  close(): Promise<void> {
    return this.#signals.close();
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
    const isRight = isAutoscaled(resource.spec) && findMistakes(resource).length === 0;
    const autoscale = isRight ? readAutoscale(resource.spec) : undefined;
    if (autoscale === undefined || !this.#isServed(resource)) {
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

  #isServed(resource: FunctionResource): boolean {
    const { namespace, deletionTimestamp } = resource.metadata;
    const state = this.#options.informers.namespaces.state(namespace);
    return deletionTimestamp === undefined && state === "served";
  }

  /** What is to be written, if anything. */
  #decide(key: string, course: Course): Change[] {
    const { resource, autoscale, floors, memory } = course;
    const { replicas } = resource.spec;
    if (replicas === undefined) {
      // It is the controller of Functions that writes the first ones.
      return [];
    }
    const functionName = toDisplayName(resource.metadata);
    const rules = toRules(autoscale, floors.at(this.#wallNow()));
    const loads = this.#signals.of(resource, autoscale);
    const seen = { now: this.#now(), replicas, ...loads };
    const decision = decide(memory, seen, rules);
    course.memory = decision.memory;
    this.#metrics.saw(functionName, { loads: loads.loads, rules, decision });
    this.#tellUnknown(key, course, { rules, loads });
    const text = describeDecision(decision, replicas, rules);
    return decision.reason === undefined ? [] : [{ key, resource, replicas, decision, text }];
  }

  /** Says in the status which loads are unknown, when that lasts. */
  #tellUnknown(
    key: string,
    course: Course,
    { rules, loads: { loads } }: { rules: ScaleRules; loads: Loads },
  ): void {
    const hasPods = course.resource.spec.replicas !== 0;
    const names = rules.signals
      .filter((_signal, index) => loads[index]?.value === undefined || !loads[index].isWhole)
      // Without a pod there is nothing that pods use.
      .filter(({ isDemand }) => isDemand || hasPods)
      .map(({ name }) => name);
    course.unknownSince = names.length === 0 ? undefined : (course.unknownSince ?? this.#now());
    const { unknownSince } = course;
    const hasLasted = unknownSince !== undefined && this.#now() - unknownSince >= UNKNOWN_MS;
    if (names.length === 0 || hasLasted) {
      this.#options.decisions.setUnknown(key, hasLasted ? names.join(", ") : undefined);
    }
  }

  async #write({ key, resource, replicas, decision, text }: Change): Promise<void> {
    const { client, leadership, logger, decisions } = this.#options;
    const functionName = toDisplayName(resource.metadata);
    const { reason = "LoadRose" } = decision;
    try {
      leadership.assertLeading();
      const { resourceVersion } = resource.metadata;
      const body = { metadata: { resourceVersion }, spec: { replicas: decision.replicas } };
      const path = functionPath(resource.metadata, "scale");
      await client.mergePatch(path, body, FIELD_MANAGER.operator);
    } catch (error) {
      // Somebody else has changed it meanwhile, or it is gone: the next look sees what is there.
      const isUsual = isKubernetesStatus(error, 409) || isKubernetesStatus(error, 404);
      logger[isUsual ? "debug" : "warn"]({ functionName, reason: messageOf(error) }, "not scaled");
      return;
    }
    logger.info({ functionName, from: replicas, to: decision.replicas, reason, text }, "scaled");
    this.#metrics.decided(functionName, reason);
    decisions.decided(key, `${reason}: ${text}`);
    // The next look does not wait for it; a failure is only logged.
    void recordEvent(this.#options, resource, { type: "Normal", reason, message: text });
  }
}
