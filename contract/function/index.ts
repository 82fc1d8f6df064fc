/** What a Function is, what it may say, and what is read from it. */
export * from "./autoscale.ts";
export * from "./floors.ts";
export * from "./handler.ts";
export * from "./image-pull.ts";
export * from "./profile.ts";
export * from "./resources.ts";
export * from "./rules.ts";
export * from "./scale.ts";
export * from "./scale-spec.ts";
export * from "./schema.ts";
export * from "./values.ts";
