/** Opens downloads: mirror, proxies, redirects, busy servers, and hosts that cannot be had. */
import { type Dispatcher, EnvHttpProxyAgent, request } from "undici";
import { ToolchainError } from "../errors.ts";
import { Attempts, type Clock, GIVEN_UP_AFTER, REFUSED_AFTER, systemClock } from "./attempts.ts";
import { type Failure, toConnectionFailure, toStatusFailure } from "./failure.ts";

/** How long a server may take, in milliseconds, before an attempt counts as failed. */
export interface Timeouts {
  connect: number;
  /** Until the head of the answer is there. */
  headers: number;
  /** Between two pieces of the content. */
  body: number;
}

const TIMEOUTS: Timeouts = { connect: 5000, headers: 10_000, body: 20_000 };
const MAX_REDIRECTS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];

export interface NetworkOptions {
  /** `$PLONK_MIRROR`: each download is fetched as `<mirror>/<original host>/<original path>`. */
  mirror?: string | undefined;
  timeouts?: Partial<Timeouts>;
  /** @default the machine's */
  clock?: Clock;
  /** Told once a host when the network does not let its downloads through. */
  onRefusal?: (line: string) => void;
  /** Whether a host has let downloads through at an earlier time. @default none has */
  hasServed?: (host: string) => Promise<boolean>;
}

export interface OpenRequest {
  /** The vendor's URL, whether or not there is a mirror. */
  url: string;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

interface Mirror {
  prefix: string;
  origin: string;
  authorization: string | undefined;
}

/** What is known about a host. */
interface Origin {
  /** Has said anything but that it refuses: from then on a failure is an outage. */
  hasAnswered: boolean;
  /** Why it cannot be downloaded from. */
  refusal: string | undefined;
  /** Ends when the first request has found out, which the others wait for. */
  finding: PromiseWithResolvers<void> | undefined;
}

function parseMirror(text: string): Mirror {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== "") {
    throw new ToolchainError(
      "argument",
      "PLONK_MIRROR: must be an http or https URL without a query, got something else",
    );
  }
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return {
    prefix: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
    origin: url.origin,
    authorization: user === ":" ? undefined : `Basic ${Buffer.from(user).toString("base64")}`,
  };
}

/** One run's view of the network; what it has found out about a host holds until the end. */
export class Network {
  readonly clock: Clock;
  readonly #mirror: Mirror | undefined;
  readonly #dispatcher: Dispatcher;
  readonly #onRefusal: (line: string) => void;
  readonly #hasServed: (host: string) => Promise<boolean>;
  readonly #origins = new Map<string, Origin>();

  constructor(options: NetworkOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.#mirror = options.mirror ? parseMirror(options.mirror) : undefined;
    this.#onRefusal = options.onRefusal ?? (() => undefined);
    this.#hasServed = options.hasServed ?? (() => Promise.resolve(false));
    const timeouts = { ...TIMEOUTS, ...options.timeouts };
    this.#dispatcher = new EnvHttpProxyAgent({
      connect: { timeout: timeouts.connect },
      headersTimeout: timeouts.headers,
      bodyTimeout: timeouts.body,
    });
  }

  /** Where a download really comes from. */
  get source(): "mirror" | "release" {
    return this.#mirror === undefined ? "release" : "mirror";
  }

  /**
   * Sends a GET and follows redirects: to https only, unless it was plain http from the start,
   * which only a mirror can be. What may pass is tried again.
   * @throws ToolchainError `refused` for a host that has refused all along and for a file that is
   *   not there, `unavailable` for a host that is out of order.
   */
  async open(options: OpenRequest): Promise<Dispatcher.ResponseData> {
    let url = this.#toActual(options.url);
    const mayBePlain = url.protocol === "http:";
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const response = await this.#request(url, options);
      if (!REDIRECTS.includes(response.statusCode)) {
        return response;
      }
      await response.body.dump();
      url = toRedirect(url, response.headers["location"], mayBePlain);
    }
    throw new ToolchainError(
      "refused",
      `${url.host}: must redirect at most ${MAX_REDIRECTS} times`,
    );
  }

  async close(): Promise<void> {
    await this.#dispatcher.close();
  }

  #toActual(url: string): URL {
    const original = new URL(url);
    return this.#mirror === undefined
      ? original
      : new URL(`${this.#mirror.prefix}/${original.host}${original.pathname}`);
  }

  /** Lets one request find out whether a host can be reached at all, so that ten do not wait. */
  async #request(url: URL, options: OpenRequest): Promise<Dispatcher.ResponseData> {
    const origin = this.#origins.get(url.origin) ?? {
      hasAnswered: false,
      refusal: undefined,
      finding: undefined,
    };
    this.#origins.set(url.origin, origin);
    await origin.finding?.promise;
    if (origin.refusal !== undefined) {
      throw new ToolchainError("refused", origin.refusal);
    }
    if (origin.finding !== undefined) {
      return await this.#ask(url, origin, options);
    }
    origin.finding = Promise.withResolvers();
    try {
      return await this.#ask(url, origin, options);
    } finally {
      origin.finding.resolve();
    }
  }

  /** Asks until there is an answer, the host has refused for long enough, or patience ends. */
  async #ask(url: URL, origin: Origin, options: OpenRequest): Promise<Dispatcher.ResponseData> {
    const attempts = new Attempts(this.clock);
    let hasRefusedOnly = true;
    for (;;) {
      const outcome = await this.#send(url, options);
      noteAnswer(origin, outcome);
      if ("statusCode" in outcome) {
        return outcome;
      }
      if (outcome.kind === "final") {
        throw new ToolchainError("refused", `${url.host}${url.pathname}: ${outcome.reason}`);
      }
      hasRefusedOnly &&= await this.#isRefusing(url, origin, outcome);
      const limit = hasRefusedOnly ? REFUSED_AFTER : GIVEN_UP_AFTER;
      const pause = attempts.fail(limit, outcome.retryAfter);
      if (pause === undefined) {
        throw this.#giveUp(url, origin, { ...outcome, seconds: attempts.elapsed / 1000 });
      }
      await this.clock.pause(pause, options.signal);
    }
  }

  /** Whether it is as on a network that has never let the host through. */
  async #isRefusing(url: URL, origin: Origin, failure: Failure): Promise<boolean> {
    origin.hasAnswered ||= await this.#hasServed(url.host);
    return failure.kind === "refusal" && !origin.hasAnswered;
  }

  async #send(url: URL, options: OpenRequest): Promise<Dispatcher.ResponseData | Failure> {
    const headers: Record<string, string> = { "user-agent": "plonk", ...options.headers };
    if (this.#mirror?.authorization !== undefined && url.origin === this.#mirror.origin) {
      headers["authorization"] = this.#mirror.authorization;
    }
    try {
      const { dispatcher, signal = null } = { dispatcher: this.#dispatcher, ...options };
      const response = await request(url, { dispatcher, headers, signal });
      const failure = REDIRECTS.includes(response.statusCode)
        ? undefined
        : toStatusFailure(response, { isMirror: this.#mirror !== undefined });
      if (failure !== undefined) {
        await response.body.dump();
      }
      return failure ?? response;
    } catch (error) {
      options.signal?.throwIfAborted();
      return toConnectionFailure(error);
    }
  }

  #giveUp(url: URL, origin: Origin, failure: Failure & { seconds: number }): ToolchainError {
    const { reason, seconds, retryAfter } = failure;
    if (origin.hasAnswered) {
      const wait = retryAfter > 0 ? `, and asks to wait ${Math.ceil(retryAfter / 1000)} s` : "";
      const since = seconds < 1 ? "" : ` for ${Math.round(seconds)} s`;
      return new ToolchainError(
        "unavailable",
        `${url.host}${url.pathname}: is out of order${since} (${reason})${wait}`,
      );
    }
    const line = `${url.host}: cannot be downloaded from (${reason})`;
    if (origin.refusal === undefined) {
      origin.refusal = line;
      this.#onRefusal(line);
    }
    return new ToolchainError("refused", line);
  }
}

/** With the first answer all others may ask. */
function noteAnswer(origin: Origin, outcome: Dispatcher.ResponseData | Failure): void {
  if ("statusCode" in outcome || outcome.isAnswer) {
    origin.hasAnswered = true;
    origin.finding?.resolve();
  }
}

function toRedirect(from: URL, location: string | string[] | undefined, mayBePlain: boolean): URL {
  if (typeof location !== "string" || !URL.canParse(location, from.href)) {
    throw new ToolchainError("refused", `${from.host}: must redirect to a URL, got none`);
  }
  const to = new URL(location, from);
  if (to.protocol !== "https:" && !(mayBePlain && to.protocol === "http:")) {
    throw new ToolchainError("refused", `${from.host}: must redirect to https, got ${to.protocol}`);
  }
  return to;
}
