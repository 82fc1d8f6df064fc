/** Reads from the queue what decides how many workers there shall be. */
import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import {
  QUEUE,
  queueOf,
  readFields,
  runsLane,
  STREAM,
  toCallId,
} from "../../../contract/queue/index.ts";
import type { CallStates } from "../../lib/queue/call-states.ts";
import type { QueueAccess } from "../../lib/queue/queue-link.ts";
import { readDepth, type StreamDepth } from "./queue-depth.ts";
import { findMessage } from "./stream-reader.ts";
import type { WorkerLoads } from "./worker-loads.ts";
import type { QueueFacts } from "./worker-scale.ts";

/** Calls of which it is read when they are due; where there are more, one counts as due. */
const MOST_READ = 256;

/** Lanes of which the first waiting message is read: those that were given one longest ago. */
const MOST_LANES = 8;

/** What was read of the calls when the stream was as its version says. */
interface KnownDue {
  version: string;
  dueAt: number;
}

export interface QueueFactsOptions {
  access: () => QueueAccess;
  states: Pick<CallStates, "read">;
  loads: Pick<WorkerLoads, "sum">;
  /** Queues beside the usual one, whose workers are nobody's to scale. */
  queueNames: readonly string[];
}

export class QueueFactsReader {
  readonly #options: QueueFactsOptions;
  #known: KnownDue | undefined;

  constructor(options: QueueFactsOptions) {
    this.#options = options;
  }

  /** The facts of now. Throws where the queue cannot be asked: then nothing is known. */
  async read(): Promise<QueueFacts> {
    const { manager } = this.#options.access();
    const [calls, callbacks] = await Promise.all([
      readDepth(manager, STREAM.calls, this.#isOurs),
      readDepth(manager, STREAM.callbacks),
    ]);
    const { running, longestMs } = this.#options.loads.sum();
    const waits = await Promise.all([
      readOldestWait(manager, STREAM.calls, calls),
      readOldestWait(manager, STREAM.callbacks, callbacks),
    ]);
    // A callback waits for minutes at most, so one of them is reason enough for a worker.
    const isDue = running > 0 || callbacks.messages > 0 || calls.messages > MOST_READ;
    const dueInMs = isDue ? 0 : await this.#readDue(manager, calls);
    return {
      // What is not due yet is no worker's to take.
      waiting: dueInMs > 0 ? 0 : sumWaiting(calls) + sumWaiting(callbacks),
      running,
      longestRunMs: longestMs,
      oldestWaitMs: Math.max(...waits),
      dueInMs,
    };
  }

  readonly #isOurs = (subject: string): boolean =>
    runsLane({ queue: QUEUE.name, names: this.#options.queueNames }, queueOf(subject));

  /** Until the first of all calls is due. */
  async #readDue(manager: JetStreamManager, { messages, version }: StreamDepth): Promise<number> {
    if (messages === 0) {
      return Infinity;
    }
    const isKnown = this.#known?.version === version && this.#known.dueAt > Date.now();
    if (!isKnown) {
      this.#known = { version, dueAt: await this.#findDue(manager) };
    }
    return Math.max(0, (this.#known?.dueAt ?? 0) - Date.now());
  }

  async #findDue(manager: JetStreamManager): Promise<number> {
    let dueAt = Infinity;
    for (let place = 1, left = MOST_READ; left > 0; left--) {
      const query = { seq: place, next_by_subj: `${QUEUE.subject}.>` };
      const message = await findMessage(manager, STREAM.calls, query);
      if (message === undefined) {
        break;
      }
      if (this.#isOurs(message.subject)) {
        const { head } = readFields(message.fields);
        dueAt = Math.min(dueAt, await this.#dueAtOf(message.sequence, head));
      }
      place = message.sequence + 1;
    }
    // What others have published waits for a worker to move it.
    const foreign = { seq: 1, next_by_subj: QUEUE.subject };
    const isForeign = (await findMessage(manager, STREAM.calls, foreign)) !== undefined;
    return isForeign ? 0 : dueAt;
  }

  /** When a call is to be run, Unix milliseconds; 0 where that is not known: at once. */
  async #dueAtOf(sequence: number, head: Record<string, string>): Promise<number> {
    const { "Plonk-Nonce": nonce = "", "Plonk-Not-Before": notBefore = "0" } = head;
    const state = (await this.#options.states.read(toCallId({ sequence, nonce })))?.state;
    if (state === undefined || state.state === "queued") {
      return Number(notBefore) || 0;
    }
    return state.state === "retrying" ? (state.nextAt ?? 0) : 0;
  }
}

function sumWaiting({ lanes }: StreamDepth): number {
  return lanes.reduce((sum, { waiting }) => sum + waiting, 0);
}

/** How long the oldest message waits that nobody was given, milliseconds; 0: there is none. */
async function readOldestWait(
  manager: JetStreamManager,
  stream: string,
  { lanes }: StreamDepth,
): Promise<number> {
  const oldest = lanes
    .filter(({ waiting }) => waiting > 0)
    .sort((a, b) => a.given - b.given)
    .slice(0, MOST_LANES);
  const waits = oldest.map(async ({ subject, given }) => {
    const query = { seq: given + 1, next_by_subj: subject };
    const message = await manager.streams.getMessage(stream, query);
    return message === null ? 0 : Date.now() - toWaitingSince(message);
  });
  return Math.max(0, ...(await Promise.all(waits)));
}

/** A delayed call waits from when it is due. */
function toWaitingSince({ time, header }: StoredMsg): number {
  const { "Plonk-Not-Before": notBefore = "0" } = readFields(header).head;
  return Math.max(time.getTime(), Number(notBefore) || 0);
}
