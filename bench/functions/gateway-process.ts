/** A gateway as a child process that reports its memory after a garbage collection. */
import { setTimeout as sleep } from "node:timers/promises";
import { createGateway } from "../../services/gateway/app.ts";
import { readConfig } from "../../services/gateway/config.ts";
import { loadConnection } from "../../services/lib/kubeconfig.ts";
import { KubernetesClient } from "../../services/lib/kubernetes.ts";
import { createLogger } from "../../services/lib/logger.ts";
import { listen } from "../../services/lib/servers.ts";

/** Message of the child when it knows all functions. */
export interface Ready {
  url: string;
  /** From the first request to the API server until the gateway knew all. */
  syncSeconds: number;
}

/** Memory of the child, bytes. */
export interface Memory {
  heap: number;
  rss: number;
}

const SERVER = process.env["bench_server"];

async function readMemory(): Promise<Memory> {
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.();
    await sleep(200);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}

const client = new KubernetesClient(SERVER === undefined ? loadConnection() : { server: SERVER });
const logger = createLogger({ name: "bench", level: "error" });
const gateway = await createGateway({ config: readConfig(process.env), client, logger });
const begin = performance.now();
await gateway.start();
const syncSeconds = (performance.now() - begin) / 1000;
const port = await listen(gateway.server, 0, "127.0.0.1");
process.on("message", () => void readMemory().then((memory) => process.send?.(memory)));
process.on("disconnect", () => process.exit());
process.send?.({ url: `http://127.0.0.1:${port}`, syncSeconds } satisfies Ready);
