/** What a Function is, what it may say, and what is read from it. */
export * from "./handler.ts";
export * from "./image-pull.ts";
export * from "./resources.ts";
export * from "./rules.ts";
export * from "./scale.ts";
export * from "./schema.ts";
export * from "./values.ts";
