/** Environment variables of all services: for those who read them, and for those who set them. */
export * from "./callbacks.ts";
export * from "./gateway.ts";
export * from "./literal.ts";
export * from "./mark-keys.ts";
export * from "./operator.ts";
export * from "./queue-worker.ts";
export * from "./servers.ts";
export * from "./settings.ts";
export * from "./timeouts.ts";
export * from "./watchdog.ts";
