/** What a controller is; `manager.ts` runs them, each with a work queue of its own. */

/** What a reconciliation asks for. An error asks for another attempt, after a growing wait. */
export interface ReconcileResult {
  /** Reconcile the key again after so many milliseconds, unless something triggers it before. */
  requeueAfterMs?: number;
}

/** Adds a key to the controller's work queue. */
export type Enqueue = (key: string) => void;

/** Something that triggers reconciliations: it is given the queue once, before anything starts. */
export type Trigger = (enqueue: Enqueue) => void;

/**
 * Brings the objects behind its keys to their desired state. A key says what to look at, never what
 * has happened: `reconcile` reads the informers and works from what is there now.
 *
 * To add one, say for canaries:
 *
 * 1. A folder `controllers/canary/` whose `controller.ts` has
 *    ```ts
 *    export class CanaryController implements Controller {
 *      readonly name = "canary";
 *      readonly informers: readonly Trigger[];
 *
 *      constructor({ informers: { functions } }: CanaryControllerOptions) {
 *        this.informers = [enqueueOn(functions, "change", toKeys)];
 *      }
 *
 *      keys(): Iterable<string> { … }
 *
 *      async reconcile(key: string): Promise<ReconcileResult> {
 *        …
 *        return { requeueAfterMs: 10_000 };
 *      }
 *    }
 *    ```
 * 2. A line in `createControllers` of `app.ts`: `new CanaryController(context)`.
 *
 * A kind of object that no controller has read so far also needs an informer in `informers.ts`.
 */
export interface Controller {
  /** In log lines, and the label `controller` of the metrics. */
  readonly name: string;
  /** What triggers it: mostly the changes of informers, by `enqueueOn`. */
  readonly informers: readonly Trigger[];
  /** All keys there are; they are reconciled when this instance begins to lead. */
  keys(): Iterable<string>;
  /** Called by the leader alone, for one key by one call at a time. */
  reconcile(key: string): Promise<ReconcileResult>;
  /** Ends what it holds open, when nothing is reconciled any more. */
  close?(): Promise<void>;
}

/** A trigger: each event of an informer, and the keys that it concerns. */
export function enqueueOn<Event extends string, Args extends unknown[]>(
  informer: { on(event: Event, listener: (...args: Args) => void): unknown },
  event: Event,
  toKeys: (...args: Args) => Iterable<string>,
): Trigger {
  return (enqueue) => {
    informer.on(event, (...args) => {
      for (const key of toKeys(...args)) {
        enqueue(key);
      }
    });
  };
}
