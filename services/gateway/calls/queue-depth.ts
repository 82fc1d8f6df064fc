/** How much waits in the lanes of the queue. */
import type { JetStreamManager } from "@nats-io/jetstream";
import { toDisplayName } from "../../../contract/index.ts";
import { STREAM, toReference } from "../../../contract/queue/index.ts";
import { withTimeout } from "../../lib/timer.ts";

/** The consumer has given all messages of its lane up to a place. */
export interface LaneDepth {
  subject: string;
  waiting: number;
  given: number;
}

export interface StreamDepth {
  messages: number;
  lanes: LaneDepth[];
  /** Changes with every message that comes or goes. */
  version: string;
}

/** Reads it of a stream. @param isOurs - says which subjects are of interest */
export async function readDepth(
  manager: JetStreamManager,
  stream: string,
  isOurs: (subject: string) => boolean = () => true,
): Promise<StreamDepth> {
  const { state } = await manager.streams.info(stream, { subjects_filter: ">" });
  const ours = Object.entries(state.subjects ?? {}).filter(([subject]) => isOurs(subject));
  const messages = ours.reduce((sum, [, count]) => sum + count, 0);
  const counts = new Map(ours);
  const lanes: LaneDepth[] = [];
  for await (const { config, num_pending, delivered } of manager.consumers.list(stream)) {
    const subject = config.filter_subject ?? "";
    counts.delete(subject);
    if (isOurs(subject)) {
      lanes.push({ subject, waiting: num_pending, given: delivered.stream_seq });
    }
  }
  // No worker has asked for these yet.
  counts.forEach((waiting, subject) => lanes.push({ subject, waiting, given: 0 }));
  const version = `${state.messages} ${state.first_seq} ${state.last_seq}`;
  return { messages, lanes, version };
}

/** How long one look is good for, and one that is the last while the next takes long, ms. */
const FRESH_MS = 500;
const LATE_MS = 5000;

/** Longest wait for a look, milliseconds: who asks has other things to hear, too. */
const TIMEOUT_MS = 400;

type Depths = Record<string, number>;

/** Calls that no worker was given, by function; who asks at the same time shares a look. */
export class QueueDepths {
  readonly #manager: () => JetStreamManager;
  #latest: { at: number; depths: Depths } | undefined;
  #look: Promise<void> | undefined;

  /** @param manager - throws where there is no queue now */
  constructor(manager: () => JetStreamManager) {
    this.#manager = manager;
  }

  /** By `name.namespace`, where there are any; undefined where the queue cannot be asked now. */
  async read(): Promise<Depths | undefined> {
    if (this.#isWithin(FRESH_MS)) {
      return this.#latest?.depths;
    }
    // One at a time, however long it takes.
    this.#look ??= this.#begin();
    await withTimeout(this.#look, TIMEOUT_MS).catch(() => undefined);
    return this.#isWithin(LATE_MS) ? this.#latest?.depths : undefined;
  }

  #isWithin(milliseconds: number): boolean {
    return this.#latest !== undefined && performance.now() - this.#latest.at <= milliseconds;
  }

  async #begin(): Promise<void> {
    const at = performance.now();
    try {
      this.#latest = { at, depths: await this.#read() };
    } catch {
      this.#latest = undefined;
    } finally {
      this.#look = undefined;
    }
  }

  async #read(): Promise<Depths> {
    const { lanes } = await readDepth(this.#manager(), STREAM.calls, isLane);
    const depths: Depths = {};
    for (const { subject, waiting } of lanes) {
      if (waiting > 0) {
        const name = toDisplayName(toReference(subject));
        depths[name] = (depths[name] ?? 0) + waiting;
      }
    }
    return depths;
  }
}

/** Whether a subject is that of one function's calls. */
function isLane(subject: string): boolean {
  return subject.split(".").length >= 3;
}
