/** A function written inline. Edit the text and run `npm run up` again. */
import { CallbackFunction, type PlatformReference } from "plonk";

/** Declares `hello`: answers with the body that it gets. */
export function declareHello(platform: PlatformReference): CallbackFunction {
  return new CallbackFunction("hello", {
    platform,
    callback: (event) => `hello ${String(event.body)}`,
    requests: { memory: "32Mi", cpu: "10m" },
    limits: { memory: "128Mi" },
  });
}
