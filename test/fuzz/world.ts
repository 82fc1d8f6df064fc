/**
 * A gateway process under test, with its Kubernetes and a function that keeps what it sees; a whole
 * world has a queue, too, and functions that agree to upgrades.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ANNOTATION } from "../../contract/index.ts";
import { FakeKubernetes } from "../support/fake-kubernetes.ts";
import { declareFunction, GatewayProcess } from "../support/gateway-process.ts";
import { MarkKeyFolder } from "../support/mark-keys.ts";
import { until } from "../support/until.ts";
import { type Answers, readAnswers } from "./answers.ts";
import { ADMIN, CANARY } from "./corpus/credentials.ts";
import { drive } from "./drive.ts";
import { FUNCTIONS, PRIVATE } from "./entries.ts";
import { FixedFunctions } from "./fixed-functions.ts";
import { Pulse } from "./pulse.ts";
import { RecordingQueue, type SeenMessage } from "./recording-queue.ts";
import { RecordingUpstream, type Seen } from "./upstream.ts";

/** What came of the bytes of one connection. */
export interface Delivery extends Answers {
  received: string;
  statuses: number[];
  /** The requests that the function saw, and the method and target of each. */
  seen: Seen[];
  calls: string[];
}

/** Silence after which a delivery is over, milliseconds. */
const SILENCE_MS = 400;

/** Nothing more comes of what was asked for when nothing has come for so long. */
const QUIET_MS = 300;

export interface WorldOptions {
  /** More of the gateway's environment. */
  env?: Readonly<Record<string, string>>;
  /** With a queue, and functions that agree to upgrades. @default false */
  isWhole?: boolean;
}

/** Of a campaign's cases, what the world as a whole has to agree with. */
export interface BlockFacts {
  /** Requests with the administrator's credentials. */
  letIn: number;
  /** New calls that were answered 202. */
  stored: number;
}

const NO_FACTS: BlockFacts = { letIn: 0, stored: 0 };

type Parts = Pick<FuzzWorld, "upstream" | "gateway" | "authority"> & {
  fixed: FixedFunctions;
  queue: RecordingQueue | undefined;
  keys: MarkKeyFolder;
};

export class FuzzWorld {
  readonly upstream: RecordingUpstream;
  readonly gateway: GatewayProcess;
  /** `host:port` of the functions' only pod. */
  readonly authority: string;
  readonly #fixed: FixedFunctions;
  readonly #queue: RecordingQueue | undefined;
  readonly #keys: MarkKeyFolder;
  readonly #pulse = new Pulse(() => this.gateway.isReady());
  #clients = 0;
  #addresses = 0;

  private constructor(parts: Parts) {
    this.upstream = parts.upstream;
    this.gateway = parts.gateway;
    this.authority = parts.authority;
    this.#fixed = parts.fixed;
    this.#queue = parts.queue;
    this.#keys = parts.keys;
  }

  static async start({ env = {}, isWhole = false }: WorldOptions = {}): Promise<FuzzWorld> {
    const upstream = new RecordingUpstream({ hasUpgrades: isWhole });
    const port = await upstream.start();
    const queue = isWhole ? await RecordingQueue.start() : undefined;
    const fake = new FakeKubernetes();
    await (await fake.start()).close();
    for (const name of FUNCTIONS) {
      const annotations = name === PRIVATE ? { [ANNOTATION.private]: "true" } : {};
      const spec = { environment: { CANARY }, annotations };
      declareFunction(fake, name, { ports: [port], spec });
    }
    const keys = new MarkKeyFolder();
    const gateway = await GatewayProcess.start(fake, {
      password: ADMIN.password,
      env: { queue_secret_path: keys.path, ...(queue && toQueueEnvironment(queue)), ...env },
    });
    const authority = `127.0.0.1:${port}`;
    const fixed = new FixedFunctions(fake);
    const world = new FuzzWorld({ fixed, upstream, queue, keys, gateway, authority });
    await world.#warmUp();
    return world;
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.#queue?.stop();
    await this.upstream.stop();
    await this.#fixed.fake.stop();
    this.#keys.remove();
  }

  /** Until the gateway has made its streams. */
  async #warmUp(): Promise<void> {
    const queue = this.#queue;
    if (queue !== undefined) {
      const url = `${this.gateway.url}/async-function/x`;
      await until("the queue", async () => (await fetch(url, { method: "POST" })).status === 202);
      await queue.count();
      await queue.purge();
      queue.take("127.0.0.1");
    }
  }

  /** Numbers of addresses that no case before has had. */
  takeAddresses(count: number): number[] {
    const first = this.#addresses;
    this.#addresses += count;
    return Array.from({ length: count }, (_, index) => first + index);
  }

  /**
   * Sends the parts over a connection of their own, from an address of its own.
   * @param methods - of the requests, by which the answers are read.
   */
  async deliver(parts: readonly string[], methods: readonly string[] = []): Promise<Delivery> {
    const number = (this.#clients += 1);
    const localAddress = `127.2.${Math.floor(number / 250)}.${(number % 250) + 1}`;
    const { port } = this.gateway;
    const probe = (): Promise<boolean> => this.gateway.isReady();
    const { received } = await drive({ parts }, { port, localAddress, probe }, SILENCE_MS);
    const read = readAnswers(received, methods);
    const seen = this.upstream.take(localAddress);
    return {
      ...read,
      received,
      statuses: read.answers.map(({ status }) => status),
      seen,
      calls: seen.map(({ request }) => `${request.method} ${request.target}`),
    };
  }

  /** Resolves when the gateway has come to what was sent before. */
  comeRound(): Promise<void> {
    return this.#pulse.beat();
  }

  /** What a client's requests have queued since the last question. */
  takeQueued(client: string): SeenMessage[] {
    return this.#queue?.take(client) ?? [];
  }

  /** Waits until what was queued so far has been seen; resolves with how many calls are stored. */
  async countQueued(): Promise<number> {
    return (await this.#queue?.count()) ?? 0;
  }

  /**
   * Makes the world as it was before a block of cases.
   *
   * @returns what went wrong with the process as a whole; undefined when nothing has
   */
  async endBlock(facts: BlockFacts, queued: number): Promise<string | undefined> {
    const breach = this.findBreach(facts, queued);
    if (facts.letIn > 0) {
      await this.#untilQuiet();
    }
    await this.#queue?.purge();
    this.#fixed.restore();
    return breach;
  }

  /** What an administrator has begun goes on without him, and is none of the next block's. */
  async #untilQuiet(): Promise<void> {
    let asked: number;
    do {
      asked = this.#fixed.asked;
      await sleep(QUIET_MS);
      await this.comeRound();
    } while (this.#fixed.asked > asked);
  }

  /** What went wrong with the process as a whole; undefined when nothing has. */
  findBreach({ letIn, stored }: BlockFacts = NO_FACTS, queued = 0): string | undefined {
    if (this.gateway.hasEnded) {
      return `gateway: has ended: ${this.gateway.output}`;
    }
    const [breach] = this.upstream.breaches;
    if (breach !== undefined) {
      return `function: saw no strict HTTP (${breach.reason}): ${JSON.stringify(breach.bytes)}`;
    }
    const { asked } = this.#fixed;
    return asked > 0 && letIn === 0
      ? `system: asked Kubernetes ${asked} times without credentials`
      : this.#findQueueBreach(stored, queued);
  }

  #findQueueBreach(stored: number, queued: number): string | undefined {
    const [stranger] = this.#queue?.breaches ?? [];
    if (stranger !== undefined) {
      return `queue: got no call: ${stranger}`;
    }
    return stored > queued ? `queue: ${stored} calls accepted, ${queued} stored` : undefined;
  }
}

/** The queue, callbacks to loopback, pasted code, and no Prometheus. */
function toQueueEnvironment({ url }: RecordingQueue): Record<string, string> {
  return {
    nats_url: url,
    callback_allow: "127.0.0.0/8",
    runtime_image: "example/runtime:1",
    faas_prometheus_port: "1",
  };
}
