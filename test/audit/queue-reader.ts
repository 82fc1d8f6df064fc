/** What JetStream has, as it says itself, past all broken ways. */
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { readFields, readLetter, STREAM } from "../../contract/queue/index.ts";
import type { Letter, StreamFigures } from "./evidence.ts";
import { AUDIT_HEADER } from "./functions.ts";

/** Longest wait for an answer, milliseconds. */
const TIMEOUT_MS = 10_000;

/** The same where it is only asked whether there is one: a NATS that ends answers nothing. */
const PROBE_MS = 500;

export class QueueReader {
  readonly #connection: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #probe: JetStreamManager;
  readonly #letters: Letter[] = [];
  #lettersRead = 0;

  private constructor(
    connection: NatsConnection,
    manager: JetStreamManager,
    probe: JetStreamManager,
  ) {
    this.#connection = connection;
    this.#manager = manager;
    this.#probe = probe;
  }

  static async connect(port: number): Promise<QueueReader> {
    const servers = `127.0.0.1:${port}`;
    const options = { maxReconnectAttempts: -1, reconnectTimeWait: 100 };
    const connection = await connect({ servers, ...options });
    const manager = await jetstreamManager(connection, { timeout: TIMEOUT_MS, checkAPI: false });
    const probe = await jetstreamManager(connection, { timeout: PROBE_MS, checkAPI: false });
    return new QueueReader(connection, manager, probe);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** Whether NATS answers. */
  async isConnected(): Promise<boolean> {
    try {
      await this.#probe.streams.info(STREAM.calls);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Messages of a stream that the consumers of their subjects have before them, or have given to a
   * worker, or that have no consumer yet. By subject, as a consumer may know of more than there is:
   * a JetStream that is killed between an acknowledgement and the removal starts again with one
   * that finds out when it is next asked, and another subject's must not make up for that.
   */
  async countKnown(stream: string): Promise<number> {
    const { state } = await this.#manager.streams.info(stream, { subjects_filter: ">" });
    const known = new Map(Object.entries(state.subjects ?? {}));
    for await (const { config, num_pending, num_ack_pending } of this.#manager.consumers.list(
      stream,
    )) {
      const subject = config.filter_subject ?? "";
      known.set(subject, Math.min(known.get(subject) ?? 0, num_pending + num_ack_pending));
    }
    return [...known.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Messages of a stream. */
  async count(stream: string): Promise<number> {
    return (await this.#manager.streams.info(stream)).state.messages;
  }

  /** Takes a message out of the stream of calls, as if it had never been there; if it is there. */
  async drop(sequence: number): Promise<boolean> {
    const { streams } = this.#manager;
    return streams.deleteMessage(STREAM.calls, sequence, false).catch(() => false);
  }

  /** Figures of one moment: what its consumers know of, is asked until it fits, or for a time. */
  async readFigures(): Promise<StreamFigures> {
    let figures = await this.#readFigures();
    for (let tries = 0; tries < 20 && figures.known !== figures.sequences.size; tries += 1) {
      figures = await this.#readFigures();
    }
    return figures;
  }

  async #readFigures(): Promise<StreamFigures> {
    const options = { deleted_details: true };
    const { state } = await this.#manager.streams.info(STREAM.calls, options);
    const deleted = new Set(state.deleted);
    const length = state.messages === 0 ? 0 : state.last_seq - state.first_seq + 1;
    const all = Array.from({ length }, (_, index) => state.first_seq + index);
    const known = await this.countKnown(STREAM.calls);
    const sequences = new Set(all.filter((sequence) => !deleted.has(sequence)));
    return { lastSequence: state.last_seq, sequences, known };
  }

  /** All dead letters so far. */
  async readLetters(): Promise<readonly Letter[]> {
    const { state } = await this.#manager.streams.info(STREAM.dead);
    const first = Math.max(state.first_seq, this.#lettersRead + 1);
    for (let seq = first; seq <= state.last_seq; seq += 1) {
      const message = await this.#manager.streams.getMessage(STREAM.dead, { seq });
      if (message !== null) {
        const { id, kind, reason, diedAt } = readLetter(message.header);
        const { headers } = readFields(message.header);
        const entry = Object.entries(headers).find(
          ([name]) => name.toLowerCase() === AUDIT_HEADER.number,
        );
        this.#letters.push({ id, kind, reason, diedAt, number: Number(entry?.[1][0] ?? 0) });
      }
    }
    this.#lettersRead = state.last_seq;
    return this.#letters;
  }
}
