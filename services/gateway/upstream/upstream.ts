/** One place that calls of a function are sent to, a pod or its Service: its connections. */
import { buildConnector, Pool } from "undici";
import { watchWrites } from "../http/guard/index.ts";

/** Says where something else than the name and the port of an origin is connected to. */
export type Locate = (hostname: string) => { hostname: string; port: string };

export interface UpstreamOptions {
  /** `http://address:port`. */
  origin: string;
  /** Longest time to open a connection, milliseconds; 0 is no limit. */
  connectMs: number;
  /** For tests, where no Service has a name. */
  locate?: Locate | undefined;
}

/**
 * Idle connections are closed before the pods' servers do it (after 2 s by gunicorn's default, 5 s
 * by Node's), so that a call does not meet a connection that is just being closed.
 */
const IDLE_TIMEOUT_MS = 1500;

/** How long an ejected upstream is chosen only when there is no other. */
const EJECTION_MS = 2000;

export class Upstream {
  readonly origin: string;
  /** Calls that this gateway has sent here and that have not ended. */
  inFlight = 0;
  readonly #options: UpstreamOptions;
  #pool: Pool | undefined;
  #isClosed = false;
  #isEjected = false;

  constructor(options: UpstreamOptions) {
    this.origin = options.origin;
    this.#options = options;
  }

  /** Its connections; made for the first call, as most of many never get one. */
  get pool(): Pool {
    return (this.#pool ??= this.#createPool());
  }

  /** Whether it takes no more calls. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether a call has just failed here, so that others are preferred. */
  get isEjected(): boolean {
    return this.#isEjected;
  }

  /** Prefers others for a while: Kubernetes notices a dead node only after some time. */
  eject(): void {
    if (!this.#isEjected) {
      this.#isEjected = true;
      setTimeout(() => (this.#isEjected = false), EJECTION_MS).unref();
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
