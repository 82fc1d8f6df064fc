/** Opens downloads: mirror, proxies, redirects, and hosts that the network does not let through. */
import { EnvHttpProxyAgent, request, type Dispatcher } from "undici";
import { toCode, toMessage, ToolchainError } from "../errors.ts";

/** How long a server may take, in milliseconds, before the download counts as refused. */
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
/** Statuses with which a proxy or a firewall turns away everything on a host. */
const HOST_REFUSALS = [401, 403, 407, 451, 511];

export interface NetworkOptions {
  /** `$PLONK_MIRROR`: each download is fetched as `<mirror>/<original host>/<original path>`. */
  mirror?: string | undefined;
  timeouts?: Partial<Timeouts>;
  /** Told once a host when the network does not let its downloads through. */
  onRefusal?: (line: string) => void;
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
  readonly #mirror: Mirror | undefined;
  readonly #dispatcher: Dispatcher;
  readonly #onRefusal: (line: string) => void;
  /** Why an origin cannot be reached. */
  readonly #refusals = new Map<string, string>();
  /** The first request to each origin, which the others wait for. */
  readonly #firsts = new Map<string, Promise<unknown>>();

  constructor(options: NetworkOptions = {}) {
    this.#mirror = options.mirror ? parseMirror(options.mirror) : undefined;
    this.#onRefusal = options.onRefusal ?? (() => undefined);
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
   * which only a mirror can be.
   * @throws ToolchainError `refused` for a host that cannot be reached and for any answer but
   *   200, 206 and 416.
   */
  async open(options: OpenRequest): Promise<Dispatcher.ResponseData> {
    let url = this.#toActual(options.url);
    const mayBePlain = url.protocol === "http:";
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const response = await this.#request(url, options);
      if (!REDIRECTS.includes(response.statusCode)) {
        return await this.#check(url, response);
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
    await this.#firsts.get(url.origin)?.catch(() => undefined);
    const refusal = this.#refusals.get(url.origin);
    if (refusal !== undefined) {
      throw new ToolchainError("refused", refusal);
    }
    const sending = this.#send(url, options);
    if (!this.#firsts.has(url.origin)) {
      this.#firsts.set(url.origin, sending);
    }
    return await sending;
  }

  async #send(url: URL, options: OpenRequest): Promise<Dispatcher.ResponseData> {
    const headers: Record<string, string> = { "user-agent": "plonk", ...options.headers };
    if (this.#mirror?.authorization !== undefined && url.origin === this.#mirror.origin) {
      headers["authorization"] = this.#mirror.authorization;
    }
    try {
      const { dispatcher, signal = null } = { dispatcher: this.#dispatcher, ...options };
      return await request(url, { dispatcher, headers, signal });
    } catch (error) {
      options.signal?.throwIfAborted();
      throw this.#refuse(url, toReason(error));
    }
  }

  async #check(url: URL, response: Dispatcher.ResponseData): Promise<Dispatcher.ResponseData> {
    const { statusCode } = response;
    if ([200, 206, 416].includes(statusCode)) {
      return response;
    }
    await response.body.dump();
    const answer = `answers HTTP ${statusCode}`;
    if (this.#mirror === undefined && HOST_REFUSALS.includes(statusCode)) {
      throw this.#refuse(url, answer);
    }
    throw new ToolchainError("refused", `${url.host}${url.pathname}: ${answer}`);
  }

  #refuse(url: URL, reason: string): ToolchainError {
    const line = `${url.host}: cannot be downloaded from (${reason})`;
    if (!this.#refusals.has(url.origin)) {
      this.#refusals.set(url.origin, line);
      this.#onRefusal(line);
    }
    return new ToolchainError("refused", line);
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

/** A few words for the many ways in which a connection fails. */
function toReason(error: unknown): string {
  // A name with several addresses gives one error for each.
  const [cause = error] = (error as { errors?: unknown[] }).errors ?? [];
  const code = toCode(cause) ?? "";
  const reasons: Record<string, string> = {
    ENOTFOUND: "its name is unknown",
    EAI_AGAIN: "its name cannot be looked up",
    ECONNREFUSED: "connection refused",
    UND_ERR_CONNECT_TIMEOUT: "no connection in time",
    UND_ERR_HEADERS_TIMEOUT: "no answer in time",
  };
  return reasons[code] ?? (code === "" ? toMessage(cause) : `${code}: ${toMessage(cause)}`);
}
