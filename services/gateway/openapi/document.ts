/** The API's document of a gateway with everything on. */
import type { RouteOptions } from "fastify";
import { KubernetesClient } from "../../lib/kubernetes.ts";
import { createLogger } from "../../lib/logger.ts";
import { createGateway } from "../app.ts";
import { readConfig } from "../config.ts";
import { generateDocument } from "./generate.ts";
import type { Document } from "./types.ts";

/** Wires a gateway that is never started, hears of its routes, and describes them. */
export async function describeGateway(): Promise<Document> {
  const routes: RouteOptions[] = [];
  const gateway = await createGateway({
    config: readConfig({}),
    client: new KubernetesClient({ server: "http://127.0.0.1" }),
    logger: createLogger({ name: "openapi", level: "silent" }),
    onRoute: (route) => routes.push(route),
  });
  await gateway.close();
  return generateDocument(routes);
}
