/** What a call of the function `fn/f` needs on its way, in a test's own hands. */
import type { IncomingMessage } from "node:http";
import { Admission, type Place } from "../../services/gateway/calls/admission.ts";
import { beginCall, type Call } from "../../services/gateway/calls/call.ts";
import { CallClock } from "../../services/gateway/calls/call-clock.ts";
import type { ColdStarts } from "../../services/gateway/calls/cold-starts.ts";
import type { FunctionState } from "../../services/gateway/calls/function-states.ts";
import type { UpstreamContext } from "../../services/gateway/calls/upstream-attempt.ts";
import type { Failure } from "../../services/gateway/errors.ts";
import { Endpoints } from "../../services/gateway/upstream/endpoints.ts";
import { functionOf, NO_LIMITS, SilentUpstream, SliceFeed } from "./call-parts.ts";
import { createKeptLog } from "./logs.ts";

export class CallWorld {
  readonly slices = new SliceFeed();
  readonly admission = new Admission({ maxInflight: 0, maxWaiting: 0, maxHeldBytes: 0 });
  readonly clock = new CallClock();
  readonly log = createKeptLog();
  /** What was counted of calls, e.g. `start`, `end 200`. */
  readonly counted: string[] = [];
  /** How long the last call took, as it was counted. */
  seconds = 0;
  /** Ends of the cold starts that are waited for. */
  readonly coldStarts: ((failure: Failure | undefined) => void)[] = [];
  /** The same, with what is given to them. */
  readonly waits: { resolve: (failure?: Failure) => void; signal: AbortSignal; place: Place }[] =
    [];
  readonly state: FunctionState;
  readonly context: UpstreamContext;
  readonly #upstreams = new Map<string, SilentUpstream>();

  constructor(limits: Partial<Pick<UpstreamContext, "readTimeoutMs" | "writeTimeoutMs">> = {}) {
    const wait: ColdStarts["wait"] = (_reference, signal, place) =>
      new Promise((resolve) => {
        this.coldStarts.push(resolve);
        this.waits.push({ resolve, signal, place });
      });
    this.context = {
      endpoints: new Endpoints(this.slices.watch, {
        createUpstream: (origin) => {
          const upstream = new SilentUpstream(origin);
          this.#upstreams.set(origin, upstream);
          return upstream;
        },
      }),
      coldStarts: { wait } as unknown as ColdStarts,
      admission: this.admission,
      clock: this.clock,
      logger: this.log.logger,
      readTimeoutMs: 0,
      writeTimeoutMs: 0,
      ...limits,
    };
    this.state = {
      reference: { name: "f", namespace: "fn" },
      key: "fn/f",
      displayName: "f.fn",
      metrics: {
        started: 0,
        start: () => this.counted.push("start"),
        end: (status, seconds) => {
          this.counted.push(`end ${status}`);
          this.seconds = seconds;
        },
        refuse: (code) => this.counted.push(`refuse ${code}`),
      },
      resource: functionOf("f"),
      isPrivate: false,
      timeouts: { ...NO_LIMITS },
      retry: {},
      queue: "faas-request",
      asyncOrigins: undefined,
      maxInflight: 0,
      inFlight: 0,
      waiting: 0,
      upgraded: 0,
      heldBytes: 0,
      lastLeftAt: 0,
    };
  }

  /** The upstream that is at this origin now. */
  at(origin: string): SilentUpstream {
    const upstream = this.#upstreams.get(origin);
    if (upstream === undefined) {
      throw new Error(`expected an upstream at ${origin}, got none`);
    }
    return upstream;
  }

  /** Calls that were sent, by where they went. */
  sentTo(): string[] {
    return [...this.#upstreams.values()].flatMap(({ origin, sent }) => sent.map(() => origin));
  }

  /** A call that has been let in and begins now. */
  begin(): Call {
    this.admission.enter(this.state);
    return beginCall({ headers: {} } as unknown as IncomingMessage);
  }
}
