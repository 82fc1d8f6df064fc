/** A function's log: newline-delimited JSON that goes on while it is followed. */
import { request } from "./http.ts";
import type { FunctionReference, LogMessage } from "./types.ts";

export interface LogQuery extends FunctionReference {
  /** Last lines of each pod to begin with; zero means all. */
  tail: number;
  /** Name of the only pod that is meant. */
  instance?: string;
}

/**
 * Yields what comes in one piece as one array, so that a burst is shown at once. `onOpen` is told
 * when the gateway has found the function, which may not write anything for long.
 */
export async function* readLogs(
  { name, namespace, tail, instance }: LogQuery,
  signal: AbortSignal,
  onOpen: () => void,
): AsyncGenerator<LogMessage[]> {
  const query = new URLSearchParams({ name, namespace, tail: String(tail), follow: "true" });
  if (instance !== undefined) {
    query.set("instance", instance);
  }
  const response = await request(`/system/logs?${query}`, { signal });
  onOpen();
  let rest = "";
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    const messages = lines.filter((line) => line !== "").map(parseMessage);
    if (messages.length > 0) {
      yield messages;
    }
  }
}

function parseMessage(line: string): LogMessage {
  return JSON.parse(line) as LogMessage;
}
