/** One pod of a function: its kept-alive connections and its calls in flight. */
import { buildConnector, Pool } from "undici";
import { watchWrites } from "../http/guard/index.ts";

/** Says where something else than the name and the port of an origin is connected to. */
export type Locate = (hostname: string) => { hostname: string; port: string };

export interface PodOptions {
  /** `http://address:port`. */
  origin: string;
  /** Longest time to open a connection, milliseconds; 0 is no limit. */
  connectMs: number;
  /** For tests, where no Service has a name. */
  locate?: Locate | undefined;
}

/**
 * Idle connections are closed before the pods' servers do it (Node's default is 5 s), so that a
 * call does not meet a connection that is just being closed.
 */
const IDLE_TIMEOUT_MS = 4000;

/** For how long a pod that could not be reached is chosen only when there is no other. */
const REST_MS = 2000;

export class Pod {
  readonly origin: string;
  /** Calls that this gateway has sent to the pod and that have not ended. */
  inFlight = 0;
  readonly #options: PodOptions;
  #pool: Pool | undefined;
  #isClosed = false;
  #isResting = false;

  constructor(options: PodOptions) {
    this.origin = options.origin;
    this.#options = options;
  }

  /** Its connections; made for the first call, since most pods of many never get one. */
  get pool(): Pool {
    return (this.#pool ??= this.#createPool());
  }

  /** Whether the pod takes no more calls. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether a call has just failed here, so that others should be asked first. */
  get isResting(): boolean {
    return this.#isResting;
  }

  /** Notes that a call has failed here: Kubernetes notices a dead node only after a while. */
  rest(): void {
    if (!this.#isResting) {
      this.#isResting = true;
      setTimeout(() => (this.#isResting = false), REST_MS).unref();
    }
  }

  /** Lets the calls in flight end, then closes the connections. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      await this.#pool?.close().catch(() => undefined);
    }
  }

  #createPool(): Pool {
    const { origin, connectMs, locate } = this.#options;
    const connect = buildConnector({ allowH2: false, timeout: connectMs });
    return new Pool(origin, {
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: IDLE_TIMEOUT_MS,
      keepAliveMaxTimeout: 60_000,
      maxHeaderSize: 64 * 1024,
      // The time limits of a call are the call clock's.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (target, done) => {
        connect({ ...target, ...locate?.(target.hostname) }, (...outcome) => {
          if (outcome[0] === null) {
            watchWrites(outcome[1]);
          }
          done(...outcome);
        });
      },
    });
  }
}
