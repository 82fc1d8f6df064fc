/** What gateway and queue-worker agree on: the queue's names, its settings and its messages. */
export * from "./call-state.ts";
export * from "./callback-hosts.ts";
export * from "./callback-message.ts";
export * from "./dead-letter.ts";
export * from "./envelope.ts";
export * from "./foreign-call.ts";
export * from "./kept-result.ts";
export * from "./message.ts";
export * from "./names.ts";
export * from "./permissions.ts";
export * from "./queue-names.ts";
export * from "./queued-request.ts";
export * from "./retry-policy.ts";
export * from "./signature.ts";
export * from "./state-names.ts";
export * from "./stream.ts";
export * from "./worker-load.ts";
