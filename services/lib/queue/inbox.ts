/**
 * Questions to NATS whose answers come to one subscription. The library's own requests cost as much
 * as all else that is done for a short call: an entry, two promises and a race for each.
 */
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";

/** Longest wait for an answer, milliseconds: it is on its way, or the connection is lost. */
const ANSWER_MS = 5000;

/** In an inbox, before the numbers of questions without a key: no stream has a name like it. */
const NUMBERED = "numbered";

export interface Question {
  subject: string;
  payload: string | Uint8Array;
  headers?: MsgHdrs;
  /** The same for all questions any of whose answers answers any of them; else one of its own. */
  key?: string;
}

export interface InboxOptions {
  /** The key of an answer that has another subject than its question's inbox. */
  keyOf?: (message: Msg) => string | undefined;
  /** Takes what answers no question, or none that anybody waits for any more. */
  onUnasked?: (message: Msg) => void;
}

interface Waiting {
  resolve: (message: Msg) => void;
  reject: (error: Error) => void;
}

export class Inbox {
  readonly #connection: NatsConnection;
  readonly #options: InboxOptions;
  readonly #subject: string;
  /** Questions without an answer, by their keys. */
  readonly #waiting = new Map<string, Waiting[]>();
  #asked = 0;

  /** @param prefix of its subject: a user with least rights subscribes to no other */
  constructor(connection: NatsConnection, prefix: string, options: InboxOptions = {}) {
    this.#connection = connection;
    this.#options = options;
    this.#subject = createInbox(prefix);
    connection.subscribe(`${this.#subject}.>`, {
      callback: (error, message) => {
        if (error === null) {
          this.#answer(message);
        }
      },
    });
  }

  /** Resolves to the answer, also to one that is a status; rejects when nobody answers. */
  ask({ subject, payload, headers, key = this.#nextKey() }: Question): Promise<Msg> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#remove(key, waiting);
        reject(new Error("JetStream: no answer"));
      }, ANSWER_MS);
      const waiting: Waiting = {
        resolve: (message) => {
          clearTimeout(timer);
          resolve(message);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#add(key, waiting);
      const reply = `${this.#subject}.${key}`;
      try {
        this.#connection.publish(subject, payload, { reply, ...(headers && { headers }) });
      } catch (error) {
        this.#remove(key, waiting);
        waiting.reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  /** After a connection was lost: what has no answer yet gets none. */
  reset(): void {
    const waiting = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    waiting.forEach(({ reject }) => reject(new Error("JetStream: the connection was lost")));
  }

  #nextKey(): string {
    this.#asked += 1;
    return `${NUMBERED}.${this.#asked}`;
  }

  #add(key: string, waiting: Waiting): void {
    const others = this.#waiting.get(key);
    if (others === undefined) {
      this.#waiting.set(key, [waiting]);
    } else {
      others.push(waiting);
    }
  }

  #remove(key: string, waiting: Waiting): void {
    const left = (this.#waiting.get(key) ?? []).filter((each) => each !== waiting);
    if (left.length === 0) {
      this.#waiting.delete(key);
    } else {
      this.#waiting.set(key, left);
    }
  }

  #answer(message: Msg): void {
    const { keyOf, onUnasked } = this.#options;
    const isAddressed = message.subject.startsWith(`${this.#subject}.`);
    const key = isAddressed ? message.subject.slice(this.#subject.length + 1) : keyOf?.(message);
    const [waiting] = this.#waiting.get(key ?? "") ?? [];
    if (key !== undefined && waiting !== undefined) {
      this.#remove(key, waiting);
      waiting.resolve(message);
    } else {
      onUnasked?.(message);
    }
  }
}
