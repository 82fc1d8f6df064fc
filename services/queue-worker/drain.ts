/** How long a worker that stops waits: what it works on says when it ends at the latest. */
import { UNLIMITED_DRAIN_MS } from "../../contract/index.ts";
import type { Delivery } from "./delivery.ts";

export interface Drain {
  /** What is worked on, by keys; it changes meanwhile. */
  held: ReadonlyMap<string, Pick<Delivery, "endsBy">>;
  /** Longest wait, whatever that says, milliseconds. */
  mostMs: number;
}

/** How often it is looked whether the time is over, milliseconds: it changes with what is done. */
const LOOK_MS = 1000;

/** Whether work that began before ends before all that is held may be given back. */
export async function endsInTime(
  work: Promise<unknown>,
  { held, mostMs }: Drain,
): Promise<boolean> {
  const stoppedAt = performance.now();
  const leftMs = (): number => {
    const ends = [...held.values()].map((each) => each.endsBy(stoppedAt));
    // What is only asked for yet is given back as soon as it comes.
    const last = ends.length === 0 ? stoppedAt + UNLIMITED_DRAIN_MS : Math.max(...ends);
    return Math.min(last, stoppedAt + mostMs) - performance.now();
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    const look = (): void => {
      const ms = Math.min(Math.max(leftMs(), 0), LOOK_MS);
      timer = setTimeout(() => (leftMs() > 0 ? look() : resolve(false)), ms);
    };
    look();
  });
  const isDone = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return isDone;
}
