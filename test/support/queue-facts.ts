/** The queue as who scales its workers sees it. */
import type { QueueFacts } from "../../services/gateway/calls/worker-scale.ts";

/** Nothing waits, and nothing runs. */
export const NOTHING: QueueFacts = {
  waiting: 0,
  running: 0,
  longestRunMs: 0,
  oldestWaitMs: 0,
  dueInMs: Infinity,
};
