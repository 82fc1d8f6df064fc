/** What gateway and queue-worker agree on: the queue's names, its settings and its messages. */
export * from "./codec.ts";
export * from "./message.ts";
export * from "./names.ts";
export * from "./signature.ts";
export * from "./permissions.ts";
export * from "./stream.ts";
