/** A gateway process under test, with its Kubernetes and a function that keeps what it sees. */
import { FakeKubernetes } from "../support/fake-kubernetes.ts";
import { declareFunction, GatewayProcess } from "../support/gateway-process.ts";
import { type Answers, readAnswers } from "./answers.ts";
import { drive } from "./drive.ts";
import { CANARY, FUNCTIONS } from "./invariants.ts";
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

export class FuzzWorld {
  readonly fake: FakeKubernetes;
  readonly upstream: RecordingUpstream;
  readonly gateway: GatewayProcess;
  /** `host:port` of the function's only pod. */
  readonly authority: string;
  readonly #writesAtStart: number;
  #clients = 0;
  #addresses = 0;

  private constructor(parts: Pick<FuzzWorld, "fake" | "upstream" | "gateway" | "authority">) {
    this.fake = parts.fake;
    this.upstream = parts.upstream;
    this.gateway = parts.gateway;
    this.authority = parts.authority;
    this.#writesAtStart = this.requestsForSystem;
  }

  static async start(env: Readonly<Record<string, string>> = {}): Promise<FuzzWorld> {
    const upstream = new RecordingUpstream();
    const port = await upstream.start();
    const fake = new FakeKubernetes();
    await (await fake.start()).close();
    for (const name of FUNCTIONS) {
      declareFunction(fake, name, { ports: [port], spec: { environment: { CANARY } } });
    }
    const gateway = await GatewayProcess.start(fake, { password: `${CANARY}-password`, env });
    return new FuzzWorld({ fake, upstream, gateway, authority: `127.0.0.1:${port}` });
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.upstream.stop();
    await this.fake.stop();
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

  /** Requests at Kubernetes that are no watch: `/system` makes them, fuzzing must not. */
  get requestsForSystem(): number {
    return this.fake.requests.filter(({ query }) => !query.has("watch")).length;
  }

  /** What went wrong with the process as a whole; undefined when nothing has. */
  findBreach(): string | undefined {
    if (this.gateway.hasEnded) {
      return `gateway: has ended: ${this.gateway.output}`;
    }
    const [breach] = this.upstream.breaches;
    if (breach !== undefined) {
      return `function: saw no strict HTTP (${breach.reason}): ${JSON.stringify(breach.bytes)}`;
    }
    const asked = this.requestsForSystem - this.#writesAtStart;
    return asked > 0 ? `system: asked Kubernetes ${asked} times without credentials` : undefined;
  }
}
