/** The queue as a worker publishes to it, without a server. */
import type { MsgHdrs } from "@nats-io/transport-node";
import type { Stored } from "../../services/lib/queue/publish.ts";
import type { QueueLink } from "../../services/lib/queue/queue-link.ts";
import { FakeBodies } from "./fake-bodies.ts";
import { sendFields } from "./queued-message.ts";

export interface PublishedMessage {
  subject: string;
  fields: [string, string[]][];
  payload: Buffer;
  messageId: string | undefined;
}

export class FakeQueue {
  /** What was stored, in its order. */
  readonly stored: PublishedMessage[] = [];
  /** Subjects and texts of what was said to whoever listens. */
  readonly said: string[] = [];
  readonly bodies = new FakeBodies();
  /** What happened, in its order, e.g. `store faas-dead.dev.f`. */
  readonly events: string[];
  /** Most bytes of a message. */
  maxPayload = Infinity;
  /** Why nothing can be stored, by the beginning of a subject. */
  readonly failures = new Map<string, Error>();
  /** Happens before a message is stored; what it throws is why it is not. */
  onStore: () => void = () => undefined;

  constructor(events: string[] = []) {
    this.events = events;
  }

  get link(): QueueLink {
    const access = {
      store: (subject: string, payload: Uint8Array, head: MsgHdrs) =>
        this.#store(subject, payload, head),
      connection: {
        publish: (subject: string, payload?: string) => {
          this.said.push(payload === undefined ? subject : `${subject} ${payload}`);
        },
      },
      bodies: this.bodies,
    };
    const mostOf = (): number => this.maxPayload;
    return {
      access,
      get maxPayload() {
        return mostOf();
      },
    } as unknown as QueueLink;
  }

  /** The one message that was stored. */
  get only(): PublishedMessage {
    const [first, ...others] = this.stored;
    if (first === undefined || others.length > 0) {
      throw new Error(`expected one message, got ${this.stored.length}`);
    }
    return first;
  }

  async #store(subject: string, payload: Uint8Array, head: MsgHdrs): Promise<Stored> {
    const failing = [...this.failures].find(([beginning]) => subject.startsWith(beginning));
    if (failing !== undefined) {
      throw failing[1];
    }
    this.onStore();
    // The id is told beside the fields.
    const own = [...head].filter(([name]) => name !== "Nats-Msg-Id");
    const sent = own.flatMap(([name, values]) =>
      values.map((value): [string, string] => [name, value]),
    );
    const fields = [...sendFields(sent)];
    const messageId = head.get("Nats-Msg-Id") || undefined;
    this.stored.push({ subject, fields, payload: Buffer.from(payload), messageId });
    this.events.push(`store ${subject}`);
    return Promise.resolve({ seq: this.stored.length, isDuplicate: false });
  }
}
