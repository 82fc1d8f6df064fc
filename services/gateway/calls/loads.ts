/** What this gateway tells the operator of the load of its functions. */
import { type GatewayLoads, WITH_QUEUE } from "../../../contract/gateway-loads.ts";
import type { FunctionState, FunctionStates } from "./function-states.ts";
import type { QueueDepths } from "./queue-depth.ts";

export interface LoadsOptions {
  states: Pick<FunctionStates, "called">;
  /** Undefined: there is no queue. */
  depths: Pick<QueueDepths, "read"> | undefined;
}

export class LoadsReader {
  readonly #options: LoadsOptions;
  readonly #beganAt = performance.now();

  constructor(options: LoadsOptions) {
    this.#options = options;
  }

  /** The loads of now. */
  async read(query: URLSearchParams): Promise<GatewayLoads> {
    const { states, depths } = this.#options;
    const [name = "", value = ""] = WITH_QUEUE.split("=");
    const queue = query.get(name) === value ? await (depths?.read() ?? {}) : undefined;
    const now = performance.now();
    return {
      ageMs: now - this.#beganAt,
      functions: Object.fromEntries(
        Array.from(states.called(), (state) => [state.displayName, toLoad(state, now)]),
      ),
      ...(queue !== undefined && { queue }),
    };
  }
}

function toLoad(state: FunctionState, now: number): GatewayLoads["functions"][string] {
  const { metrics, upgraded, waiting, lastLeftAt } = state;
  const inFlight = state.inFlight + upgraded;
  const idleMs = inFlight + waiting > 0 ? 0 : now - lastLeftAt;
  return [metrics.started, inFlight, waiting, idleMs];
}
