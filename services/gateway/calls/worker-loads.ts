/** What queue-workers say they work on, by the last word of each. */
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import {
  LOAD_INTERVAL_MS,
  readWorkerLoad,
  SUBJECT,
  type WorkerLoad,
} from "../../../contract/queue/index.ts";
import { guard } from "../../lib/faults.ts";

/** A worker that is silent for so long has gone, milliseconds. */
const SILENCE_MS = 5 * LOAD_INTERVAL_MS;

export class WorkerLoads {
  readonly #loads = new Map<string, WorkerLoad & { at: number }>();
  readonly #now: () => number;

  /** @param now of a clock that never goes back, milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Listens from now on; the subscription outlives lost connections. */
  listen(connection: Pick<NatsConnection, "subscribe">): void {
    connection.subscribe(`${SUBJECT.load}.*`, {
      callback: guard((error: Error | null, { subject, data }: Msg) => {
        const load = error === null ? readWorkerLoad(data) : undefined;
        if (load !== undefined) {
          this.#loads.set(subject, { ...load, at: this.#now() });
        }
      }),
    });
  }

  /** What all of them work on, and the longest run. */
  sum(): WorkerLoad {
    const since = this.#now() - SILENCE_MS;
    for (const [subject, { at }] of this.#loads) {
      if (at < since) {
        this.#loads.delete(subject);
      }
    }
    const loads = [...this.#loads.values()];
    return {
      running: loads.reduce((sum, { running }) => sum + running, 0),
      longestMs: Math.max(0, ...loads.map(({ longestMs }) => longestMs)),
    };
  }
}
