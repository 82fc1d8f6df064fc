/** The client of an audit: it numbers its calls, and keeps what it was told of each. */
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";
import type { CallRecord, Refusal } from "./evidence.ts";
import { AUDIT_HEADER, AUDITED } from "./functions.ts";
import { chanceOf } from "./random.ts";

export interface AuditClientOptions {
  seed: number;
  /** Of the gateways, in turn. */
  gatewayPorts: readonly number[];
  callbackUrl: string;
  /** Hears of each acceptance: for audits that break something on purpose. */
  onAccepted?: (id: string) => void;
}

/** Longest wait for an answer, milliseconds. */
const TIMEOUT_MS = 10_000;

/** How often a call with a key is sent that had no clear answer, and the wait between. */
const TRIES = 5;
const RETRY_MS = 400;

/** After which a call that is to be cancelled while it runs is likely to run, milliseconds. */
const RUNNING_MS = 500;

/** Bytes of a body that is too large for a message. */
const LARGE_BYTES = 300 * 1024;

/** What a call is like, by its number alone. */
interface Traits {
  hasCallback: boolean;
  hasKey: boolean;
  isRepeated: boolean;
  /** In which state it is to be cancelled, if at all. */
  cancelled: "delayed" | "queued" | "running" | undefined;
  delaySeconds: number | undefined;
  body: string;
}

export class AuditClient {
  readonly calls: CallRecord[] = [];
  /** Answers by status, or by what went wrong. */
  readonly answers: Record<string, number> = {};
  readonly #options: AuditClientOptions;
  readonly #agent = new Agent({
    connections: 64,
    connect: { timeout: 2000 },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  });
  #turn = 0;

  constructor(options: AuditClientOptions) {
    this.#options = options;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** Sends the next call, once or as often as it takes. */
  async sendNext(): Promise<void> {
    const number = this.calls.length + 1;
    const traits = this.#describe(number);
    const { delaySeconds, hasCallback } = traits;
    const call: CallRecord = {
      ...{ number, sentAt: Date.now(), ids: [], acceptances: 0, refusals: [], hasCallback },
      ...(delaySeconds !== undefined && { delaySeconds }),
    };
    this.calls.push(call);
    const tries = traits.hasKey ? TRIES : 1;
    for (let tried = 0; tried < tries && call.acceptances === 0; tried += 1) {
      await (tried > 0 && sleep(RETRY_MS));
      await this.#send(call, traits);
    }
    if (traits.isRepeated && call.acceptances > 0) {
      await this.#send(call, traits);
    }
    if (traits.cancelled !== undefined) {
      await (traits.cancelled === "running" && sleep(RUNNING_MS));
      await this.#cancel(call);
    }
  }

  #describe(number: number): Traits {
    const chance = (about: number): number => chanceOf(this.#options.seed, number, about);
    const hasKey = chance(21) < 0.2;
    const cancelled = (["delayed", "queued", "running"] as const)[Math.floor(chance(22) * 100)];
    const isLarge = chance(23) < 0.01;
    const isDelayed = cancelled === "delayed" || (cancelled === undefined && chance(24) < 0.03);
    return {
      hasCallback: chance(25) < 0.05,
      hasKey,
      isRepeated: hasKey && chance(26) < 0.3,
      cancelled,
      delaySeconds: isDelayed ? 1 + Math.floor(chance(27) * 3) : undefined,
      body: `${number} `.padEnd(isLarge ? LARGE_BYTES : 40, "."),
    };
  }

  async #send(call: CallRecord, traits: Traits): Promise<void> {
    const { number } = call;
    try {
      const response = await request(this.#url(`/async-function/${AUDITED[number % 4] ?? ""}`), {
        dispatcher: this.#agent,
        method: "POST",
        headers: this.#toHeaders(number, traits),
        body: traits.body,
      });
      await response.body.dump();
      const { statusCode: status, headers } = response;
      this.#count(`${status} ${String(headers["x-plonk-code"] ?? "")}`.trim());
      if (status === 202) {
        this.#accept(call, headers["location"]);
      } else {
        const code = String(headers["x-plonk-code"]);
        this.#refuse(call, { reason: `${status} ${code}`, isUnknown: status >= 500 });
      }
    } catch (error) {
      const { code = "no answer" } = error as NodeJS.ErrnoException;
      this.#count(code);
      this.#refuse(call, { reason: code, isUnknown: code !== "ECONNREFUSED" });
    }
  }

  #toHeaders(number: number, traits: Traits): Record<string, string> {
    const { hasCallback, hasKey, delaySeconds, cancelled, body } = traits;
    return {
      [AUDIT_HEADER.number]: String(number),
      [AUDIT_HEADER.bytes]: String(body.length),
      ...(cancelled === "running" && { [AUDIT_HEADER.slow]: "yes" }),
      ...(hasCallback && { "x-callback-url": this.#options.callbackUrl }),
      ...(hasKey && { "idempotency-key": `call-${number}` }),
      ...(delaySeconds !== undefined && { "x-delay-seconds": String(delaySeconds) }),
    };
  }

  #accept(call: CallRecord, location: string | string[] | undefined): void {
    call.acceptances += 1;
    const id = typeof location === "string" ? location.replace("/async/calls/", "") : undefined;
    // A repetition of a call that is done with already has none.
    if (id !== undefined && !call.ids.includes(id)) {
      call.ids.push(id);
      call.acceptedAt = Date.now();
      this.#options.onAccepted?.(id);
    }
  }

  #refuse(call: CallRecord, refusal: Refusal): void {
    call.refusals.push(refusal);
  }

  #count(answer: string): void {
    this.answers[answer] = (this.answers[answer] ?? 0) + 1;
  }

  async #cancel(call: CallRecord): Promise<void> {
    const [id] = call.ids;
    if (id === undefined) {
      return;
    }
    try {
      const options = { dispatcher: this.#agent, method: "DELETE" as const };
      const response = await request(this.#url(`/async-function/${id}`), options);
      await response.body.dump();
      this.#count(`cancel ${response.statusCode}`);
      if (response.statusCode < 300) {
        call.cancelledAt = Date.now();
      } else if (response.statusCode >= 500) {
        call.isCancelUnclear = true;
      }
    } catch {
      this.#count("cancel without answer");
      call.isCancelUnclear = true;
    }
  }

  #url(path: string): string {
    const { gatewayPorts } = this.#options;
    this.#turn += 1;
    return `http://127.0.0.1:${gatewayPorts[this.#turn % gatewayPorts.length] ?? 0}${path}`;
  }
}
