/** One pod of a function: its kept-alive connections and its calls in flight. */
import { Pool } from "undici";

/** Longest time to open a connection to a pod, milliseconds. */
const CONNECT_TIMEOUT_MS = 3000;

/**
 * Idle connections are closed before the pods' servers do it (Node's default is 5 s), so that a
 * call does not meet a connection that is just being closed.
 */
const IDLE_TIMEOUT_MS = 4000;

export class Pod {
  /** `http://address:port`. */
  readonly origin: string;
  /** Calls that this gateway has sent to the pod and that have not ended. */
  inFlight = 0;
  readonly pool: Pool;
  #isClosed = false;

  constructor(origin: string) {
    this.origin = origin;
    this.pool = new Pool(origin, {
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: IDLE_TIMEOUT_MS,
      keepAliveMaxTimeout: 60_000,
      maxHeaderSize: 64 * 1024,
      connect: { timeout: CONNECT_TIMEOUT_MS },
    });
  }

  /** Whether the pod takes no more calls. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Lets the calls in flight end, then closes the connections. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      await this.pool.close().catch(() => undefined);
    }
  }
}
