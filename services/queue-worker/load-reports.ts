/** Says each second what this worker works on, to who decides how many workers there are. */
import { randomUUID } from "node:crypto";
import type { NatsConnection } from "@nats-io/transport-node";
import { LOAD_INTERVAL_MS, SUBJECT, type WorkerLoad } from "../../contract/queue/index.ts";

/** What is worked on. */
interface Busy {
  inFlight: number;
  longestMs: number;
}

export class LoadReports {
  readonly #subject = `${SUBJECT.load}.${randomUUID()}`;
  readonly #parts: readonly Busy[];
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: readonly Busy[]) {
    this.#parts = parts;
  }

  /** Begins, with the first report at once. */
  start(connection: Pick<NatsConnection, "publish">): void {
    const report = (): void => {
      try {
        connection.publish(this.#subject, JSON.stringify(this.#load()));
      } catch {
        // Not connected: who misses the report takes nothing from it.
      }
    };
    report();
    this.#timer = setInterval(report, LOAD_INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #load(): WorkerLoad {
    return {
      running: this.#parts.reduce((sum, { inFlight }) => sum + inFlight, 0),
      longestMs: Math.floor(Math.max(0, ...this.#parts.map(({ longestMs }) => longestMs))),
    };
  }
}
