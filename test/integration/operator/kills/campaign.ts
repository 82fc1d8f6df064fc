/**
 * Kills the operator at random points of rollouts, time after time: what is declared has to be
 * there in the end each time, by the same Deployments, and as an operator that is never killed
 * makes it.
 */
import { isDeepStrictEqual } from "node:util";
import { between, createRandom, pick, type Random, shuffle } from "../../../audit/random.ts";
import { until } from "../../../support/until.ts";
import { change, type ChangeName, chooseChange, NAMESPACE, PROFILE, TAKING } from "./changes.ts";
import { findDifferences, findOutages, type Functions, readState, type State } from "./declared.ts";
import { type Kill, KillWorld } from "./world.ts";

const FUNCTIONS = 12;

/** Functions that change in a round, at most. */
const MOST_CHANGES = 4;

/** Writes of a round among which the operator is killed. */
const MOST_WRITES = 12;

/** Only to end a hang. */
const PATIENCE_MS = 100_000;

/** Where it was killed, when it had written all. */
const AT_REST = "at rest";

/** Where another operator, that is not killed, has to make the same. */
const MIRROR = "mirror";

export interface CampaignOptions {
  seed: number;
  kills: number;
  report: (line: string) => void;
  /** Ends it after a round. */
  signal?: AbortSignal;
}

/** One round: what is changed, and when the operator is killed. */
export interface Round {
  changes: readonly [function_: string, change: ChangeName][];
  kill: Kill;
  /** The next one, as it begins. */
  killAgain?: Kill;
}

/** @returns what was not as it has to be, each in a line */
export async function runCampaign(options: CampaignOptions): Promise<string[]> {
  const { seed, kills, report, signal } = options;
  const random = createRandom(seed);
  const campaign = await Campaign.start();
  try {
    let made = 0;
    for (let round = 1; made < kills && signal?.aborted !== true; round += 1) {
      const { breaches, killedAt } = await campaign.run(planRound(random, campaign.functions));
      // Where nothing was left to be written, no rollout was cut short.
      made += killedAt.filter((it) => it !== AT_REST).length;
      report(`round ${round}, ${made} of ${kills} kills: ${killedAt.join("; ")}`);
      if (breaches.length > 0) {
        return breaches.map((it) => `round ${round}, killed at ${killedAt.join("; ")}: ${it}`);
      }
    }
    const breaches = await campaign.compareWithMirror();
    return made < kills ? [`interrupted after ${made} of ${kills} kills`, ...breaches] : breaches;
  } finally {
    await campaign.stop();
  }
}

/** A round of a seed. */
function planRound(random: Random, functions: Functions): Round {
  const all = Array.from({ length: FUNCTIONS }, (_, index) => `function-${index + 1}`);
  const chosen = shuffle(random, all).slice(0, between(random, 1, MOST_CHANGES));
  const isAgain = random() < 0.25;
  return {
    changes: chosen.map((name) => [name, chooseChange(random, functions.get(name))]),
    kill: planKill(random),
    ...(isAgain && { killAgain: planKill(random) }),
  };
}

/** At a write by its number, before it is stored or after. */
function planKill(random: Random): Kill {
  let left = between(random, 1, MOST_WRITES);
  return {
    isAt: () => {
      left -= 1;
      return left === 0;
    },
    fate: pick(random, ["lose", "pass"]),
  };
}

export interface RoundResult {
  breaches: string[];
  /** The writes at which the operator was killed. */
  killedAt: string[];
}

export class Campaign {
  readonly functions: Functions = new Map();
  readonly #world: KillWorld;
  #serial = 1;

  private constructor(world: KillWorld) {
    this.#world = world;
  }

  static async start(): Promise<Campaign> {
    const world = await KillWorld.start();
    const spec = { tolerations: [{ key: "edge", operator: "Exists" }] };
    await world.cluster.applyProfile(PROFILE, spec);
    await world.playNodes(NAMESPACE);
    world.startOperator();
    return new Campaign(world);
  }

  stop(): Promise<void> {
    return this.#world.stop();
  }

  async run({ changes, kill, killAgain }: Round): Promise<RoundResult> {
    const world = this.#world;
    const { cluster } = world;
    const before = await readState(cluster, NAMESPACE);
    world.killLater(kill);
    for (const [name, kind] of changes) {
      this.#serial += 1;
      await change(kind, { cluster, functions: this.functions, name, serial: this.#serial });
    }
    const killedAt = [await this.#untilKilled()];
    if (killAgain !== undefined) {
      world.startOperator(killAgain);
      killedAt.push(await this.#untilKilled());
    }
    // Nobody is there who could mend it: what served before the changes has to serve still.
    const taken = new Set(changes.filter(([, kind]) => TAKING.has(kind)).map(([name]) => name));
    const outages = findOutages(before, await readState(cluster, NAMESPACE), taken);
    world.startOperator();
    const breaches = [...outages, ...(await this.#settle())];
    await this.#noteDeployments();
    return { breaches: breaches.map((it) => `${toText(changes)}; ${it}`), killedAt };
  }

  /** Where nothing is left to be written before that, it is killed at rest. */
  async #untilKilled(): Promise<string> {
    const world = this.#world;
    const isOver = async (): Promise<boolean> =>
      world.killedAt !== undefined || (await this.#compare()).length === 0;
    await until("the kill", isOver, PATIENCE_MS);
    const killedAt = world.killedAt ?? AT_REST;
    await world.kill();
    return killedAt;
  }

  /** In what it is still not as declared, when it will not be any more. */
  async #settle(): Promise<string[]> {
    const isAsDeclared = async (): Promise<boolean> => {
      this.#world.requireRunning();
      return (await this.#compare()).length === 0;
    };
    return await until("what is declared", isAsDeclared, PATIENCE_MS).then(
      () => [],
      async (error: unknown) => [...(await this.#compare()), String(error)],
    );
  }

  async #compare(namespace = NAMESPACE): Promise<string[]> {
    return findDifferences(this.functions, await readState(this.#world.cluster, namespace));
  }

  async #noteDeployments(): Promise<void> {
    const { deployments } = await readState(this.#world.cluster, NAMESPACE);
    for (const [name, declared] of this.functions) {
      declared.uid = deployments.get(name)?.metadata.uid;
    }
  }

  /** Has the operator make all of them in another namespace, and compares. */
  async compareWithMirror(): Promise<string[]> {
    const { cluster } = this.#world;
    await this.#healAll();
    await cluster.createNamespace(MIRROR, { annotations: { openfaas: "1" } });
    await this.#world.playNodes(MIRROR);
    for (const [name, declared] of this.functions) {
      declared.uid = undefined;
      const { spec, replicas } = declared;
      if (spec.code !== undefined) {
        await cluster.applyCode(spec.code.configMap, name, { namespace: MIRROR });
      }
      await cluster.applyFunction(name, spec, MIRROR);
      await until("its scale", () => this.#scaleMirror(name, replicas), PATIENCE_MS);
    }
    const isSame = async (): Promise<boolean> => (await this.#compare(MIRROR)).length === 0;
    await until("the same elsewhere", isSame, PATIENCE_MS);
    const states = [await readState(cluster, NAMESPACE), await readState(cluster, MIRROR)];
    const [own = {}, other = {}] = states.map((state) => toComparable(state));
    return Object.keys(other)
      .filter((name) => !isDeepStrictEqual(own[name], other[name]))
      .map((name) => `${name}: expected ${show(other[name])}, got ${show(own[name])}`);
  }

  /** Until its replicas were written first, there is no scale. */
  #scaleMirror(name: string, replicas: number): Promise<boolean> {
    return this.#world.cluster.scale(name, replicas, MIRROR).then(
      () => true,
      () => false,
    );
  }

  async #healAll(): Promise<void> {
    const { cluster } = this.#world;
    for (const name of this.functions.keys()) {
      this.#serial += 1;
      await change("heal", { cluster, functions: this.functions, name, serial: this.#serial });
    }
    const breaches = await this.#settle();
    if (breaches.length > 0) {
      throw new Error(breaches.join("\n"));
    }
  }
}

function toText(changes: Round["changes"]): string {
  return changes.map(([name, kind]) => `${name} ${kind}`).join(", ");
}

/** By `<kind>/<name>`, without what differs between two that are made alike. */
function toComparable({ functions, ...objects }: State): Record<string, unknown> {
  const all = Object.entries(objects).flatMap(([kind, ofKind]) =>
    Array.from(ofKind as State["services"], ([name, object]) => [`${kind}/${name}`, object]),
  );
  const conditions = Array.from(functions, ([name, { status }]) => [
    `conditions/${name}`,
    status?.conditions?.map(({ type, status: value }) => `${type} ${value}`),
  ]);
  const comparable: unknown = JSON.parse(
    JSON.stringify(Object.fromEntries([...all, ...conditions]), omitOwn).replaceAll(
      `"${MIRROR}"`,
      `"${NAMESPACE}"`,
    ),
  );
  return comparable as Record<string, unknown>;
}

const OWN = new Set([
  ...["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "status"],
  ...["clusterIP", "clusterIPs", "deployment.kubernetes.io/revision"],
]);

function omitOwn(key: string, value: unknown): unknown {
  return OWN.has(key) ? undefined : value;
}

function show(value: unknown): string {
  return JSON.stringify(value);
}
