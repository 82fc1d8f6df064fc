/** One place that calls of a function are sent to, a pod or its Service: its connections. */
import { buildConnector, type Dispatcher, Pool } from "undici";
import { MAX_HEAD_BYTES } from "./answer-reader.ts";
import { Connections } from "./connections.ts";
import type { AnswerHandler, UpstreamRequest } from "./exchange.ts";

/** Says where something else than the name and the port of an origin is connected to. */
export type Locate = (hostname: string) => { hostname: string; port: string };

export interface UpstreamOptions {
  /** `http://address:port`. */
  origin: string;
  /** Longest time to open a connection, milliseconds; 0 is no limit. */
  connectMs: number;
  /** For tests, where no Service has a name. */
  locate?: Locate | undefined;
}

/** A handshake for another protocol. */
export interface UpgradeRequest extends Omit<UpstreamRequest, "body"> {
  /** The protocol. */
  upgrade: string;
}

/** What becomes of a handshake: an answer like any other, or a connection. */
export interface UpgradeHandler extends Omit<AnswerHandler, "onBodySent"> {
  onRequestUpgrade: NonNullable<Dispatcher.DispatchHandler["onRequestUpgrade"]>;
}

/** How long an ejected upstream is chosen only when there is no other. */
const EJECTION_MS = 2000;

export class Upstream {
  readonly origin: string;
  /** Calls that this gateway has sent here and that have not ended. */
  inFlight = 0;
  readonly #options: UpstreamOptions;
  #connections: Connections | undefined;
  #upgrades: Pool | undefined;
  #isClosed = false;
  #isEjected = false;

  constructor(options: UpstreamOptions) {
    this.origin = options.origin;
    this.#options = options;
  }

  /** How many connections for calls there are. */
  get connections(): number {
    return this.#connections?.size ?? 0;
  }

  /** Sends a call; its handler is told what becomes of it. */
  dispatch(request: UpstreamRequest, handler: AnswerHandler): void {
    // Made for the first call, as most of many upstreams never get one.
    this.#connections ??= this.#createConnections();
    this.#connections.dispatch(request, handler);
  }

  /** Asks for another protocol, on a connection that is made for it. */
  dispatchUpgrade(request: UpgradeRequest, handler: UpgradeHandler): void {
    this.#upgrades ??= this.#createUpgrades();
    this.#upgrades.dispatch({ ...request, headers: [...request.headers] }, handler);
  }

  /** Whether it takes no more calls. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether a call has just failed here, so that others are preferred. */
  get isEjected(): boolean {
    return this.#isEjected;
  }

  /** Prefers others for a while: Kubernetes notices a dead node only after some time. */
  eject(): void {
    if (!this.#isEjected) {
      this.#isEjected = true;
      setTimeout(() => (this.#isEjected = false), EJECTION_MS).unref();
    }
  }

  /** Lets the calls in flight end, then closes the connections. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      await Promise.all([
        this.#connections?.close(),
        this.#upgrades?.close().catch(() => undefined),
      ]);
    }
  }

  #createConnections(): Connections {
    const { connectMs } = this.#options;
    return new Connections({ ...this.#locate(), host: new URL(this.origin).host, connectMs });
  }

  /** Handshakes are rare, and undici's way to give a connection away is well tried. */
  #createUpgrades(): Pool {
    const { connectMs } = this.#options;
    const connect = buildConnector({ allowH2: false, timeout: connectMs });
    return new Pool(this.origin, {
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: MAX_HEAD_BYTES,
      // The time limits of a call are the call clock's.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (target, done) => {
        const { hostname, port } = this.#locate();
        connect({ ...target, hostname, port: String(port) }, done);
      },
    });
  }

  #locate(): { hostname: string; port: number } {
    const { hostname, port } = new URL(this.origin);
    const place = this.#options.locate?.(hostname) ?? { hostname, port };
    // An IPv6 address has brackets in a URL, and nowhere else.
    return { hostname: place.hostname.replace(/^\[|\]$/g, ""), port: Number(place.port || 80) };
  }
}
