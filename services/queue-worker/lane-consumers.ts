/** The consumers of lanes: made where they are missing, and anew where they are of no use. */
import { type ConsumerInfo, JetStreamApiError } from "@nats-io/jetstream";
import { toConsumerSettings } from "../../contract/queue/index.ts";
import type { QueueLink } from "../lib/queue/queue-link.ts";
import type { Lane } from "./lane.ts";

/** JetStream's `consumer already exists`, with other settings. */
const CONSUMER_EXISTS = 10_148;

/** Lanes that are looked at in one round. */
const LOOKS = 8;

/** So often is the same seen of a lane before it is taken for true. */
const SURE_LOOKS = 3;

export interface LaneConsumersOptions {
  link: QueueLink;
  stream: string;
  /** Silence after which the queue gives a message to another worker, milliseconds. */
  ackWaitMs: number;
  /** Hears of a lane whose consumer is to be made anew: other workers are to know. */
  onDropped: (lane: Lane) => void;
}

interface Sign {
  text: string;
  looks: number;
}

export class LaneConsumers {
  readonly #options: LaneConsumersOptions;
  readonly #signs = new WeakMap<Lane, Sign>();

  constructor(options: LaneConsumersOptions) {
    this.#options = options;
  }

  /** Makes the consumer; one that is there gets its settings, as they may have been others. */
  async make(lane: Lane): Promise<void> {
    const { created } = await this.#make(lane);
    lane.hasConsumer = true;
    lane.madeAt = Date.parse(created);
  }

  async #make({ subject, consumer }: Lane): Promise<ConsumerInfo> {
    const { link, stream, ackWaitMs } = this.#options;
    const { consumers } = link.access.manager;
    const settings = toConsumerSettings(subject, ackWaitMs);
    try {
      return await consumers.add(stream, settings);
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== CONSUMER_EXISTS) {
        throw error;
      }
      return await consumers.update(stream, consumer, settings);
    }
  }

  /**
   * Drops the consumers of lanes that have messages which they give to nobody, as if they were done
   * with: a JetStream whose disk is full, or that is killed, keeps an acknowledgement by half, and
   * may start again with a consumer that is ahead of what comes next. A consumer that is made anew
   * gives all that there is to workers, which know most of what is done with, waits or runs.
   *
   * @param depths messages by lane, as of a moment ago
   */
  async sweep(depths: ReadonlyMap<Lane, number>): Promise<void> {
    const { link, stream, onDropped } = this.#options;
    const lanes = [...depths.keys()].filter(({ hasConsumer }) => hasConsumer);
    lanes.sort((one, other) => one.sweptAt - other.sweptAt);
    for (const lane of lanes.slice(0, LOOKS)) {
      lane.sweptAt = performance.now();
      if (this.#isSure(lane, await this.#findSign(lane, depths.get(lane) ?? 0))) {
        await link.access.manager.consumers.delete(stream, lane.consumer);
        lane.hasConsumer = false;
        onDropped(lane);
      }
    }
  }

  /** Whether the same is seen again and again: what was acknowledged just now goes by itself. */
  #isSure(lane: Lane, text: string | undefined): boolean {
    const known = this.#signs.get(lane);
    this.#signs.delete(lane);
    if (text === undefined) {
      return false;
    }
    const looks = known?.text === text ? known.looks + 1 : 1;
    if (looks < SURE_LOOKS) {
      this.#signs.set(lane, { text, looks });
    }
    return looks >= SURE_LOOKS;
  }

  /** What shows that nobody is given a message; undefined: nothing does. */
  async #findSign({ subject, consumer }: Lane, depth: number): Promise<string | undefined> {
    const { link, stream } = this.#options;
    const { consumers, streams } = link.access.manager;
    const info = await consumers.info(stream, consumer);
    const { num_pending: untaken, num_ack_pending: taken, delivered, ack_floor: floor } = info;
    if (untaken === 0) {
      return depth > taken ? `${depth} ${taken} ${delivered.stream_seq}` : undefined;
    }
    const first = { seq: 1, next_by_subj: subject };
    const oldest = await streams.getMessage(stream, first);
    return oldest !== null && oldest.seq <= floor.stream_seq ? `at ${oldest.seq}` : undefined;
  }
}
