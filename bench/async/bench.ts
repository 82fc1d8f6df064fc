/** What every part of the benchmark of the queue has. */
import type { Tools } from "../gateway/tools.ts";
import type { AsyncOptions } from "./settings.ts";

export interface Bench extends AsyncOptions {
  tools: Tools;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  /** Says how far it is. */
  say: (text: string) => void;
}
