/** The search of a call for a pod when the first choice is not there, or has just failed. */
import type { Failure } from "../errors.ts";
import type { Endpoints } from "../upstream/endpoints.ts";
import type { Pod } from "../upstream/pod.ts";
import type { ColdStarts } from "./cold-starts.ts";
import type { FunctionState } from "./function-states.ts";

export interface PodSearchContext {
  endpoints: Endpoints;
  coldStarts: ColdStarts;
}

/** A pod that failed a call, and what the caller is told if there is no other. */
export interface FailedAttempt {
  pod: Pod;
  failure: Failure;
}

/**
 * How long a call that met only failing pods goes on trying, milliseconds. Readiness may be known
 * here before the pod's network lets connections in.
 */
const WINDOW_MS = 2000;

/** First wait before the same pods are tried again; it doubles, milliseconds. */
const FIRST_WAIT_MS = 25;

export class PodSearch {
  readonly #context: PodSearchContext;
  readonly #state: FunctionState;
  readonly #ending = new AbortController();
  readonly #avoided = new Set<Pod>();
  #last: Failure | undefined;
  #deadline = Infinity;
  #waitMs = FIRST_WAIT_MS;

  constructor(context: PodSearchContext, state: FunctionState) {
    this.#context = context;
    this.#state = state;
  }

  /**
   * The next pod to send the call to, at once or as soon as there is one; or why there is none.
   * Nobody hears of a search that was cancelled.
   */
  find(failed: FailedAttempt | undefined, done: (found: Pod | Failure) => void): void {
    if (failed !== undefined) {
      failed.pod.rest();
      this.#avoided.add(failed.pod);
      this.#last = failed.failure;
      this.#deadline = Math.min(this.#deadline, performance.now() + WINDOW_MS);
    }
    void this.#search().then((found) => {
      if (!this.#ending.signal.aborted) {
        done(found);
      }
    });
  }

  /** Ends the search, and gives its place in a queue back. */
  cancel(): void {
    this.#ending.abort();
  }

  async #search(): Promise<Pod | Failure> {
    const { endpoints } = this.#context;
    for (;;) {
      const pod = endpoints.pick(this.#state.key, this.#avoided);
      const failure = pod === undefined ? await this.#wait() : undefined;
      const found = pod ?? failure;
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
      return coldStarts.wait(reference, signal);
    }
    if (signal.aborted || performance.now() + this.#waitMs > this.#deadline) {
      return this.#last;
    }
    await endpoints.waitForChange(key, this.#waitMs, signal);
    this.#waitMs *= 2;
    // Where no other pod came, the ones that failed get another chance.
    this.#avoided.clear();
    return undefined;
  }
}
