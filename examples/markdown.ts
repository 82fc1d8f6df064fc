/** A function from a module that uses a library; see `markdown/handler.ts`. */
import { Function, type PlatformReference } from "plonk";

/** Declares `markdown`: turns the Markdown that it gets into HTML. */
export function declareMarkdown(platform: PlatformReference): Function {
  return new Function("markdown", {
    platform,
    code: import.meta.resolve("./markdown/handler.ts"),
    requests: { memory: "32Mi", cpu: "10m" },
    limits: { memory: "128Mi" },
    scale: { min: 1, max: 5 },
  });
}
