/**
 * What Functions refer to. It is looked for before a Function is applied, where pods do not start,
 * and now and then: the operator may read Secrets whose names it knows, and list or watch none.
 */
import type { CallTimeouts, FunctionResource } from "../../../../contract/index.ts";
import type { KubernetesClient } from "../../../lib/kubernetes.ts";
import type { Drift } from "../../kubernetes/applier.ts";
import type { Pod } from "../../kubernetes/types.ts";
import { findAppliedLogins } from "./applied-deployment.ts";
import { adoptCode, listMountedMaps } from "./code-revisions.ts";
import {
  dependenciesOf,
  findDependencies,
  type FoundCode,
  hasDependencies,
} from "./dependencies.ts";
import type { Problem } from "./pod-problem.ts";

export interface KnownDependenciesOptions {
  client: KubernetesClient;
  timeouts: CallTimeouts;
  informers: { pods: { byIndex(key: string): readonly Pod[] } };
  /** Called where a ConfigMap of code has other content than the pods of a Function run. */
  onDrift: (drift: Drift) => Promise<void>;
  /** Milliseconds of a clock that is never set. */
  now: () => number;
}

/** What a Function refers to, as it was when it was looked for. */
export interface Found {
  dependencies: string;
  /** Of its secrets, those by which images are pulled. */
  pullSecrets: readonly string[];
  /** Its code, or what that was before it had gone. */
  code?: FoundCode | undefined;
  /** What has gone since it was applied: pods that run go on, and new ones do not start. */
  lost?: Problem;
  /** When to look again, by the clock of the options; undefined: when something happens. */
  lookAt?: number;
}

/** How often what Functions refer to is looked for without a reason, milliseconds. */
const RECHECK_MS = 300_000;

/** How often what has gone is looked for again, milliseconds. */
const LOST_RETRY_MS = 15_000;

export class KnownDependencies {
  readonly #options: KnownDependenciesOptions;
  /** Of Functions that were applied, by key. */
  readonly #known = new Map<string, Found>();

  constructor(options: KnownDependenciesOptions) {
    this.#options = options;
  }

  /**
   * What a Function refers to; of one that is ready, as it was found before.
   * @param hasDeployment - whether it was applied, perhaps by an operator before this one
   */
  async look(
    key: string,
    resource: FunctionResource,
    hasDeployment: boolean,
  ): Promise<Found | { missing: Problem }> {
    const dependencies = dependenciesOf(resource);
    const known = this.#knownFor(key, dependencies);
    if (known !== undefined && isReady(resource) && !this.#isDue(known)) {
      return known;
    }
    const found = await findDependencies(this.#options.client, resource);
    if (!("missing" in found)) {
      const lookAt = hasDependencies(resource) ? { lookAt: this.#after(RECHECK_MS) } : {};
      return { dependencies, ...found, ...lookAt };
    }
    const pullSecrets = await this.#findApplied(key, resource, hasDeployment);
    if (pullSecrets === undefined) {
      this.#known.delete(key);
      return found;
    }
    const code = known?.code;
    const lookAt = this.#after(LOST_RETRY_MS);
    return { dependencies, pullSecrets, code, lost: found.missing, lookAt };
  }

  /**
   * Makes the Function the owner of its code, where it is new, or there again, and tells of code
   * that is not what it was.
   */
  async adopt(key: string, resource: FunctionResource, found: Found): Promise<void> {
    // What has gone must not come back as an empty one.
    if (found.lost !== undefined) {
      return;
    }
    const known = this.#knownFor(key, found.dependencies);
    const uid = found.code?.uid;
    if (known?.lost !== undefined || known?.code?.uid !== uid) {
      await adoptCode(this.#options.client, resource, uid);
    }
    if (known !== undefined && isOther(known.code, found.code)) {
      await this.#tellOtherCode(key, resource);
      // Another attempt may follow.
      this.#known.set(key, { ...known, code: found.code });
    }
  }

  /** Remembers what a Function was applied with. Returns after how long to look again, if ever. */
  keep(key: string, found: Found): number | undefined {
    this.#known.set(key, found);
    const { lookAt } = found;
    return lookAt === undefined ? undefined : Math.max(0, lookAt - this.#options.now());
  }

  forget(key: string): void {
    this.#known.delete(key);
  }

  /** What a Function was applied with, if that referred to the same. */
  #knownFor(key: string, dependencies: string): Found | undefined {
    const known = this.#known.get(key);
    return known?.dependencies === dependencies ? known : undefined;
  }

  /** Pods that start from now on have another one than those that run. */
  async #tellOtherCode(key: string, { spec: { code } }: FunctionResource): Promise<void> {
    const { informers, onDrift } = this.#options;
    const { configMap = "" } = code ?? {};
    if (listMountedMaps(informers.pods.byIndex(key)).includes(configMap)) {
      await onDrift({ key, fields: [configMap], result: "left", isNews: true });
    }
  }

  /** A fifth later at most, so that not all are looked at in step. */
  #after(milliseconds: number): number {
    return this.#options.now() + milliseconds * (1 + Math.random() / 5);
  }

  #isDue({ lost, lookAt = Infinity }: Found): boolean {
    return lost !== undefined || this.#options.now() >= lookAt;
  }

  /** The logins that it was applied with; undefined where what it refers to was never there. */
  async #findApplied(
    key: string,
    resource: FunctionResource,
    hasDeployment: boolean,
  ): Promise<readonly string[] | undefined> {
    const { client, timeouts } = this.#options;
    const known = this.#known.get(key);
    if (known?.dependencies === dependenciesOf(resource)) {
      return known.pullSecrets;
    }
    return known === undefined && hasDeployment
      ? await findAppliedLogins(client, resource, timeouts)
      : undefined;
  }
}

/** Whether it has all pods that it wants: what it refers to must be there for each new one. */
function isReady({ status }: FunctionResource): boolean {
  const ready = status?.conditions?.find((it) => it.type === "Ready");
  return ready?.status === "True" && ["Available", "ScaledToZero"].includes(ready.reason);
}

function isOther(before: FoundCode | undefined, code: FoundCode | undefined): boolean {
  return before !== undefined && code !== undefined && before.digest !== code.digest;
}
