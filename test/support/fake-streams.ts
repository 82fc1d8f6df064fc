/** The queue's streams in memory, as who looks at them asks JetStream for what is in them. */
import {
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  type StoredMsg,
} from "@nats-io/jetstream";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import {
  encodeCall,
  type Fields,
  type QueuedCall,
  STREAM,
  toCallId,
  toLane,
} from "../../contract/queue/index.ts";
import type { AsyncPublisher } from "../../services/gateway/calls/async-publisher.ts";
import { CallStates } from "../../services/lib/queue/call-states.ts";
import type { Stored } from "../../services/lib/queue/publish.ts";
import type { QueueAccess, QueueLink } from "../../services/lib/queue/queue-link.ts";
import { FakeBodies } from "./fake-bodies.ts";
import { sendFields } from "./queued-message.ts";

export interface KeptMessage {
  seq: number;
  subject: string;
  header: MsgHdrs;
  data: Uint8Array;
  time: Date;
}

/** What a worker has of a lane. */
export interface FakeConsumer {
  config: { filter_subject?: string };
  num_pending: number;
  num_ack_pending: number;
  num_redelivered: number;
  delivered: { stream_seq: number };
}

interface LookConfig {
  name: string;
  opt_start_seq: number;
  filter_subjects: string[];
  headers_only: boolean;
}

type Query = { seq: number; next_by_subj?: string } | { last_by_subj: string };

/** JetStream's own words for what there is not. */
const NO_MESSAGE = 10_057;

export class FakeStreams {
  /** Messages by stream, the oldest first. */
  readonly kept = new Map<string, KeptMessage[]>();
  /** Consumers of workers, by stream. */
  readonly consumers = new Map<string, FakeConsumer[]>();
  readonly bodies = new FakeBodies();
  /** What was said to whoever listens: subjects, with the texts behind them. */
  readonly said: string[] = [];
  /** What was asked, e.g. `get OF_faas-request`. */
  readonly asked: string[] = [];
  /** Happens before anything is asked; what it throws is the answer. */
  onAsk: (what: string) => void = () => undefined;
  maxPayload = Infinity;
  /** Most messages that one fetch gives before its time is over. */
  maxFetched = Infinity;
  readonly #looks = new Map<string, LookConfig>();
  readonly #ids = new Map<string, number>();
  readonly #last = new Map<string, number>();

  /** Stores a message at the next place of a stream, or after a gap. */
  put(stream: string, subject: string, { fields = [], data = "", gap = 0, at = 0 }: PutParts = {}) {
    const seq = this.lastOf(stream) + 1 + gap;
    this.#last.set(stream, seq);
    const payload = typeof data === "string" ? Buffer.from(data) : data;
    const message = { seq, subject, header: sendFields(fields), data: payload, time: new Date(at) };
    const kept = this.#in(stream);
    kept.push(message);
    this.kept.set(stream, kept);
    return message;
  }

  /** Stores a call in its lane, and returns its id. */
  putCall(call: QueuedCall, queue = "faas-request", gap = 0): string {
    const { fields, payload } = encodeCall(call);
    const lane = toLane(call.reference, queue);
    const { seq } = this.put(STREAM.calls, lane, { fields, data: payload, gap });
    return toCallId({ sequence: seq, nonce: call.nonce });
  }

  lastOf(stream: string): number {
    return this.#last.get(stream) ?? 0;
  }

  /** Places of what a stream has. */
  placesIn(stream: string): number[] {
    return this.#in(stream).map(({ seq }) => seq);
  }

  /** Consumers that were made to look, and not deleted. */
  get looks(): number {
    return this.#looks.size;
  }

  get access(): QueueAccess {
    return {
      manager: this.#manager(),
      client: this.#client(),
      store: (subject: string, data: Uint8Array, head: MsgHdrs) =>
        later(() => this.#store({ subject, data, head })),
      connection: {
        publish: (subject: string, text?: string) => {
          this.said.push(text === undefined ? subject : `${subject} ${text}`);
        },
      },
      bodies: this.bodies,
    } as unknown as QueueAccess;
  }

  get link(): QueueLink {
    const { access, maxPayload } = this;
    const quiet = { check: () => Promise.resolve(), onReady: () => undefined };
    return { access, maxPayload, ...quiet } as unknown as QueueLink;
  }

  /** The queue as routes use it; what it publishes is stored in the lane of the call. */
  get queue(): AsyncPublisher {
    return this.queueWith({});
  }

  /** The same with some parts of a test's own. */
  queueWith(parts: Partial<Record<keyof AsyncPublisher, unknown>>): AsyncPublisher {
    const { link } = this;
    return {
      link,
      states: new CallStates(link),
      publish: (call: QueuedCall, { queue }: { queue: string }) =>
        Promise.resolve({ id: this.putCall(call, queue), isRepeated: false }),
      forget: (body: QueuedCall["body"]) =>
        Buffer.isBuffer(body) ? Promise.resolve() : this.bodies.delete(body).catch(() => undefined),
      ...parts,
    } as unknown as AsyncPublisher;
  }

  #in(stream: string): KeptMessage[] {
    return this.kept.get(stream) ?? [];
  }

  #ask(what: string): void {
    this.asked.push(what);
    this.onAsk(what);
  }

  #manager(): JetStreamManager {
    const streams = {
      info: (stream: string, options?: { subjects_filter: string }) =>
        later(() => this.#info(stream, options?.subjects_filter)),
      getMessage: (stream: string, query: Query) => later(() => this.#get(stream, query)),
      deleteMessage: (stream: string, seq: number) => later(() => this.#delete(stream, seq)),
      purge: (stream: string, options: { filter: string; seq: number }) =>
        later(() => this.#purge(stream, options)),
    };
    const consumers = {
      add: (stream: string, config: LookConfig) => later(() => this.#look(stream, config)),
      delete: (stream: string, name: string) =>
        later(() => {
          this.#ask(`forget ${stream}`);
          return this.#looks.delete(name);
        }),
      list: (stream: string) => this.#list(stream),
    };
    return { streams, consumers } as unknown as JetStreamManager;
  }

  #client(): JetStreamClient {
    return {
      consumers: {
        get: (stream: string, name: string) =>
          later(() => {
            const { config, messages } = this.#found(stream, name);
            // A consumer without acknowledgements gives each message once.
            const left = [...messages];
            const gives = (): KeptMessage[] => left.splice(0, this.maxFetched);
            return {
              fetch: () => fetchSome(gives(), { behind: left, isBare: config.headers_only }),
              info: () => later(() => ({ num_pending: left.length })),
            };
          }),
      },
    } as unknown as JetStreamClient;
  }

  #store({ subject, data, head }: { subject: string; data: Uint8Array; head: MsgHdrs }): Stored {
    this.#ask(`store ${subject}`);
    const id = head.get("Nats-Msg-Id");
    const known = this.#ids.get(id);
    if (known !== undefined) {
      return { seq: known, isDuplicate: true };
    }
    const fields = toFields(head);
    const { seq } = this.put(streamOf(subject), subject, { fields, data: Buffer.from(data) });
    if (id !== "") {
      this.#ids.set(id, seq);
    }
    return { seq, isDuplicate: false };
  }

  #info(stream: string, filter: string | undefined) {
    this.#ask(`info ${stream}`);
    const messages = this.#in(stream);
    const last = this.lastOf(stream);
    const counted = messages.filter(({ subject }) => filter && isIn(subject, filter));
    const subjects = Object.fromEntries(
      [...Map.groupBy(counted, ({ subject }) => subject)].map(([name, { length }]) => [
        name,
        length,
      ]),
    );
    return {
      state: {
        messages: messages.length,
        first_seq: messages[0]?.seq ?? last + 1,
        last_seq: last,
        ...(filter !== undefined && { subjects }),
      },
    };
  }

  #get(stream: string, query: Query): StoredMsg | null {
    this.#ask(`get ${stream}`);
    const found =
      "last_by_subj" in query
        ? this.#in(stream).findLast(({ subject }) => isIn(subject, query.last_by_subj))
        : this.#in(stream).find(({ seq, subject }) =>
            query.next_by_subj === undefined
              ? seq === query.seq
              : seq >= query.seq && isIn(subject, query.next_by_subj),
          );
    return (found ?? null) as StoredMsg | null;
  }

  #delete(stream: string, wanted: number): boolean {
    this.#ask(`delete ${stream}`);
    const rest = this.#in(stream).filter(({ seq }) => seq !== wanted);
    if (rest.length === this.#in(stream).length) {
      throw apiError(NO_MESSAGE);
    }
    this.kept.set(stream, rest);
    return true;
  }

  #purge(stream: string, { filter, seq }: { filter: string; seq: number }) {
    this.#ask(`purge ${stream}`);
    const all = this.#in(stream);
    const rest = all.filter((message) => message.seq >= seq || !isIn(message.subject, filter));
    this.kept.set(stream, rest);
    return { purged: all.length - rest.length };
  }

  #look(stream: string, config: LookConfig) {
    this.#ask(`look ${stream}`);
    this.#looks.set(config.name, config);
    return { num_pending: this.#found(stream, config.name).messages.length };
  }

  #found(stream: string, name: string): { config: LookConfig; messages: KeptMessage[] } {
    const config = this.#looks.get(name);
    if (config === undefined) {
      throw new Error(`${name}: expected a consumer, got none`);
    }
    const messages = this.#in(stream).filter(
      ({ seq, subject }) =>
        seq >= config.opt_start_seq && config.filter_subjects.some((each) => isIn(subject, each)),
    );
    return { config, messages };
  }

  async *#list(stream: string): AsyncGenerator<FakeConsumer, void> {
    this.#ask(`list ${stream}`);
    yield* await Promise.resolve(this.consumers.get(stream) ?? []);
  }
}

interface PutParts {
  fields?: Fields;
  data?: string | Uint8Array;
  /** Places before it that have been deleted. */
  gap?: number;
  /** When it was stored, Unix milliseconds. */
  at?: number;
}

/** Does it a moment later, as what is asked over a connection. */
function later<T>(work: () => T): Promise<T> {
  return Promise.resolve().then(work);
}

/** What JetStream answers where it cannot do what it was asked. */
export function apiError(err_code: number): JetStreamApiError {
  return new JetStreamApiError({ code: 400, err_code, description: `error ${err_code}` });
}

async function* fetchSome(
  messages: readonly KeptMessage[],
  { behind, isBare }: { behind: readonly KeptMessage[]; isBare: boolean },
) {
  let pending = messages.length + behind.length;
  for (const { seq, subject, header, data } of await Promise.resolve(messages)) {
    pending -= 1;
    const sized = headers();
    [...header].forEach(([name, values]) => values.forEach((value) => sized.append(name, value)));
    sized.set("Nats-Msg-Size", String(data.length));
    const shown = isBare ? { headers: sized, data: new Uint8Array() } : { headers: header, data };
    yield { seq, subject, info: { pending }, ...shown };
  }
}

function toFields(head: MsgHdrs): Fields {
  return [...head]
    .filter(([name]) => name !== "Nats-Msg-Id")
    .flatMap(([name, values]) => values.map((value): [string, string] => [name, value]));
}

const STREAMS: Readonly<Record<string, string>> = {
  "faas-callback": STREAM.callbacks,
  "faas-dead": STREAM.dead,
  "faas-state": STREAM.states,
  "faas-result": STREAM.results,
};

function streamOf(subject: string): string {
  return STREAMS[subject.split(".", 1)[0] ?? ""] ?? STREAM.calls;
}

/** Whether a subject is one of those that a pattern means. */
function isIn(subject: string, pattern: string): boolean {
  const [tokens, wanted] = [subject.split("."), pattern.split(".")];
  const isOpen = wanted.at(-1) === ">";
  return (
    (isOpen ? tokens.length >= wanted.length : tokens.length === wanted.length) &&
    wanted.every((token, index) => [">", "*", tokens[index]].includes(token))
  );
}
