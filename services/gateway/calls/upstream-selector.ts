/** Finds an upstream for a call when there is none at first, or when one has just failed. */
import type { Failure } from "../errors.ts";
import type { Endpoints } from "../upstream/endpoints.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Place } from "./admission.ts";
import type { ColdStarts } from "./cold-starts.ts";
import type { FunctionState } from "./function-states.ts";

export interface UpstreamSelectorContext {
  endpoints: Endpoints;
  coldStarts: ColdStarts;
}

/** An upstream that failed a call, and the answer to the caller if there is no other. */
export interface FailedAttempt {
  upstream: Upstream;
  failure: Failure;
}

/**
 * How long a call is tried again while all upstreams fail, milliseconds. A pod may be known as
 * ready here before its network accepts connections.
 */
const WINDOW_MS = 2000;

/** First wait before the same upstreams are tried again; it doubles, milliseconds. */
const FIRST_WAIT_MS = 25;

export class UpstreamSelector {
  readonly #context: UpstreamSelectorContext;
  readonly #state: FunctionState;
  readonly #place: Place;
  readonly #ending = new AbortController();
  readonly #avoided = new Set<Upstream>();
  #last: Failure | undefined;
  #deadline = Infinity;
  #waitMs = FIRST_WAIT_MS;

  /** @param place - the call's, for which it has been let in */
  constructor(context: UpstreamSelectorContext, state: FunctionState, place: Place) {
    this.#context = context;
    this.#state = state;
    this.#place = place;
  }

  /**
   * Finds the next upstream, at once or as soon as there is one; or the reason why there is none.
   * After `cancel` there is no callback.
   * @param fault - hears of a fault of ours, also of one in `done`; must not throw
   */
  find(
    failed: FailedAttempt | undefined,
    done: (found: Upstream | Failure) => void,
    fault: (error: unknown) => void,
  ): void {
    if (failed !== undefined) {
      failed.upstream.eject();
      this.#avoided.add(failed.upstream);
      this.#last = failed.failure;
      this.#deadline = Math.min(this.#deadline, performance.now() + WINDOW_MS);
    }
    this.#search()
      .then((found) => {
        if (!this.#ending.signal.aborted) {
          done(found);
        }
      })
      .catch(fault);
  }

  /** Ends the search, and gives its place in a queue back. */
  cancel(): void {
    this.#ending.abort();
  }

  async #search(): Promise<Upstream | Failure> {
    const { endpoints } = this.#context;
    for (;;) {
      const upstream = endpoints.pick(this.#state.key, this.#avoided);
      const failure = upstream === undefined ? await this.#wait() : undefined;
      const found = upstream ?? failure;
      if (found !== undefined) {
        return found;
      }
    }
  }

  /** Waits until another look makes sense; or says why it does not. */
  async #wait(): Promise<Failure | undefined> {
    const { endpoints, coldStarts } = this.#context;
    const { key, reference } = this.#state;
    const { signal } = this.#ending;
    if (!endpoints.has(key)) {
      return coldStarts.wait(reference, signal, this.#place);
    }
    if (signal.aborted || performance.now() + this.#waitMs > this.#deadline) {
      return this.#last;
    }
    await endpoints.waitForChange(key, this.#waitMs, signal);
    this.#waitMs *= 2;
    // If no other one has come, those that failed are tried again.
    this.#avoided.clear();
    return undefined;
  }
}
