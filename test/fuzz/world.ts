/** A gateway process under test, with its Kubernetes and a function that keeps what it sees. */
import { FakeKubernetes } from "../support/fake-kubernetes.ts";
import { declareFunction, GatewayProcess } from "../support/gateway-process.ts";
import { CANARY, FUNCTIONS } from "./invariants.ts";
import { RecordingUpstream } from "./upstream.ts";

export class FuzzWorld {
  readonly fake: FakeKubernetes;
  readonly upstream: RecordingUpstream;
  readonly gateway: GatewayProcess;
  /** `host:port` of the function's only pod. */
  readonly authority: string;
  readonly #writesAtStart: number;

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

  /** Requests at Kubernetes that are no watch: `/system` makes them, fuzzing must not. */
  get requestsForSystem(): number {
    return this.fake.requests.filter(({ query }) => !query.has("watch")).length;
  }

  /** What went wrong with the process as a whole; undefined when nothing has. */
  findBreach(): string | undefined {
    if (this.gateway.hasEnded) return `gateway: has ended: ${this.gateway.output}`;
    const [breach] = this.upstream.breaches;
    if (breach !== undefined) {
      return `function: saw no strict HTTP (${breach.reason}): ${JSON.stringify(breach.bytes)}`;
    }
    const asked = this.requestsForSystem - this.#writesAtStart;
    return asked > 0 ? `system: asked Kubernetes ${asked} times without credentials` : undefined;
  }
}
