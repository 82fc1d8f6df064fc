/** Opens downloads: handles mirror, proxies, redirects, busy servers and unreachable hosts. */
import { type Dispatcher, EnvHttpProxyAgent, request } from "undici";
import { ToolchainError } from "../errors.ts";
import { Attempts, type Clock, GIVEN_UP_AFTER, REFUSED_AFTER, systemClock } from "./attempts.ts";
import { type Failure, toConnectionFailure, toStatusFailure } from "./failure.ts";

/** How long a server may take, in milliseconds, before an attempt counts as failed. */
export interface Timeouts {
  connect: number;
  /** Until the response headers have arrived. */
  headers: number;
  /** Between two chunks of the body. */
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
  /** Called once per host whose downloads the network blocks. */
  onRefusal?: (line: string) => void;
  /** Whether a download from the host has succeeded in an earlier run. @default none has */
  hasServed?: (host: string) => Promise<boolean>;
}

export interface OpenRequest {
  /** The vendor's URL, also when a mirror is used. */
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
  /** Whether it has answered without refusing: a later failure is then an outage. */
  hasAnswered: boolean;
  /** Why downloads from it are blocked. */
  refusal: string | undefined;
  /** Resolves when the first request knows whether the host is reachable; others wait for it. */
  finding: PromiseWithResolvers<void> | undefined;
}

function parseMirror(text: string): Mirror {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== "") {
    throw new ToolchainError(
      "argument",
      "PLONK_MIRROR: expected an http or https URL without a query, got something else",
    );
  }
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return {
    prefix: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
    origin: url.origin,
    authorization: user === ":" ? undefined : `Basic ${Buffer.from(user).toString("base64")}`,
  };
}

/** The network as this process sees it; what it learns about a host stays valid until the end. */
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

  /** Where downloads come from. */
  get source(): "mirror" | "release" {
    return this.#mirror === undefined ? "release" : "mirror";
  }

  /**
   * Sends a GET and follows redirects, to https only unless the first URL is plain http, as a
   * mirror's may be. Temporary failures are retried.
   * @throws ToolchainError `refused` for a blocked host and for a missing file, `unavailable` for
   *   a host that keeps failing.
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
      `${url.host}: expected at most ${MAX_REDIRECTS} redirects, got more`,
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

  /** The first request finds out whether the host is reachable; parallel ones wait for it. */
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

  /** Retries until there is a response, or the limit for refusals or for outages is reached. */
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

  /** Whether the network seems to block the host: no download from it has ever succeeded. */
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
      const wait = retryAfter > 0 ? `; Retry-After: ${Math.ceil(retryAfter / 1000)} s` : "";
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

/** After the first response the waiting requests may proceed. */
function noteAnswer(origin: Origin, outcome: Dispatcher.ResponseData | Failure): void {
  if ("statusCode" in outcome || outcome.isAnswer) {
    origin.hasAnswered = true;
    origin.finding?.resolve();
  }
}

function toRedirect(from: URL, location: string | string[] | undefined, mayBePlain: boolean): URL {
  if (typeof location !== "string" || !URL.canParse(location, from.href)) {
    throw new ToolchainError("refused", `${from.host}: expected a redirect to a URL, got none`);
  }
  const to = new URL(location, from);
  if (to.protocol !== "https:" && !(mayBePlain && to.protocol === "http:")) {
    throw new ToolchainError(
      "refused",
      `${from.host}: expected a redirect to https, got ${to.protocol}`,
    );
  }
  return to;
}
