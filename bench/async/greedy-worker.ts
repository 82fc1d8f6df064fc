/** The queue-worker without its adaptive limit: it asks of a function as much as ever. */
import { AdaptiveLimit } from "../../services/queue-worker/adaptive-limit.ts";

AdaptiveLimit.prototype.refuse = () => undefined;

await import("../../services/queue-worker/main.ts");
