/** One attempt at a callback: to a host that callers may choose, signed, within a time. */
import { Agent, buildConnector } from "undici";
import { createSignature, SIGNATURE_HEADER } from "../../contract/queue/index.ts";
import { type AddressPolicy, RefusedAddressError } from "../lib/address-policy.ts";
import { createLookup, type ResolveName } from "../lib/guarded-lookup.ts";
import { HOP_BY_HOP } from "../lib/hop-by-hop.ts";
import { MAX_TIMER_MS } from "../lib/timer.ts";

export interface CallbackSenderOptions {
  policy: AddressPolicy;
  /** From a name's look-up to the end of the answer, milliseconds. @default 30000 */
  totalTimeoutMs?: number;
  /** The look-up and the connection alone, milliseconds. @default 5000 */
  connectTimeoutMs?: number;
  /** Asked for each callback, as keys are renewed; undefined: it is not signed. */
  signingKey?: () => Buffer | undefined;
  /** In the place of name servers. */
  resolver?: ResolveName;
  /** More of an answer than this is not waited for, bytes. @default 65536 */
  maxAnswerBytes?: number;
}

export interface Callback {
  url: URL;
  headers: Readonly<Record<string, string | string[]>>;
  body: Buffer | undefined;
}

/** The texts are for logs: they hold of a URL the host at most, and nothing of what was sent. */
export type CallbackResult =
  /** The receiver's word. It stands even if its answer has no end. */
  | { status: number; retryAfter?: string }
  /** There is no sense in trying again: callers may not choose this host. */
  | { refused: string }
  /** Nothing, or no answer in time; the receiver may have had the callback nevertheless. */
  | { failed: string };

export class CallbackSender {
  readonly #options: CallbackSenderOptions;
  readonly #agent: Agent;
  readonly #totalTimeoutMs: number;

  constructor(options: CallbackSenderOptions) {
    this.#options = options;
    this.#totalTimeoutMs = options.totalTimeoutMs ?? 30_000;
    this.#agent = new Agent({
      allowH2: false,
      // There is one limit for all of it.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: createConnector(options),
    });
  }

  /** Sends a POST, and follows no redirect. Never rejects. */
  async send(callback: Callback): Promise<CallbackResult> {
    const { signal, end } = startLimit(this.#totalTimeoutMs);
    try {
      const refused = this.#options.policy.checkUrl(callback.url);
      return refused === undefined ? await this.#post(callback, signal) : { refused };
    } catch (error) {
      return signal.aborted
        ? { failed: `no answer within ${this.#totalTimeoutMs} ms` }
        : toFailure(error);
    } finally {
      end();
    }
  }

  /** Ends the callbacks under way, which were given back to the queue; sends no further ones. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #post({ url, headers, body }: Callback, signal: AbortSignal): Promise<CallbackResult> {
    const content = body ?? Buffer.alloc(0);
    const key = this.#options.signingKey?.();
    const response = await this.#agent.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: "POST",
      headers: {
        ...toSent(headers),
        ...(key !== undefined && {
          [SIGNATURE_HEADER]: createSignature({ body: content, key, now: new Date() }),
        }),
      },
      body: content.length > 0 ? content : null,
      signal,
    });
    // So that the connection can be used again. It ends at the limit of length or of time, too.
    await response.body.dump({ limit: this.#options.maxAnswerBytes ?? 64 * 1024 });
    const retryAfter = response.headers["retry-after"];
    return {
      status: response.statusCode,
      ...(typeof retryAfter === "string" && { retryAfter }),
    };
  }
}

/** Literal addresses are checked here, names by the look-up: neither has come to a socket yet. */
function createConnector(options: CallbackSenderOptions): buildConnector.connector {
  const { policy, resolver, connectTimeoutMs: timeout = 5000 } = options;
  const connect = buildConnector({
    allowH2: false,
    timeout,
    lookup: createLookup(policy, resolver),
  });
  return (to, callback) => {
    const reason = policy.checkHost(to.hostname);
    if (reason === undefined) {
      connect(to, callback);
    } else {
      process.nextTick(callback, new RefusedAddressError(reason), null);
    }
  };
}

function startLimit(timeoutMs: number): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), Math.min(timeoutMs, MAX_TIMER_MS));
  return { signal: controller.signal, end: () => clearTimeout(timer) };
}

/** Said by this hop's client, or by nobody: a function's answer must not sign in our name. */
const OWN = new Set([
  ...HOP_BY_HOP,
  "host",
  "expect",
  "content-length",
  SIGNATURE_HEADER.toLowerCase(),
]);

function toSent(headers: Callback["headers"]): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !OWN.has(name.toLowerCase())),
  );
}

/** Only codes and names of errors: their messages may quote what was sent. */
function toFailure(error: unknown): CallbackResult {
  if (error instanceof RefusedAddressError) {
    return { refused: error.message };
  }
  const { code, name } = error as Partial<NodeJS.ErrnoException>;
  return { failed: `no answer: ${code ?? name ?? "no error"}` };
}
