/** Schemas and types that several sides share. No I/O here. */
export * from "./artifacts.ts";
export * from "./async-origins.ts";
export * from "./call-headers.ts";
export * from "./duration.ts";
export * from "./empty-fields.ts";
export * from "./finding.ts";
export * from "./function/index.ts";
export * from "./function-namespace.ts";
export * from "./function-reference.ts";
export * from "./grammar.ts";
export * from "./names.ts";
export * from "./quantity.ts";
export * from "./queue/names.ts";
export * from "./rest.ts";
export * from "./rest-queue.ts";
export * from "./store.ts";
export * from "./timeouts.ts";
