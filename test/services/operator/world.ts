/** Informers over the small Kubernetes API, for tests of controllers. */
import type { afterEach } from "@jest/globals";
import type { KubernetesClient } from "../../../services/lib/kubernetes.ts";
import { FencedClient } from "../../../services/operator/kubernetes/fenced-client.ts";
import { Informers } from "../../../services/operator/kubernetes/informers.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { createKeptLog, type KeptLog } from "../../support/logs.ts";

export const NAMESPACES = "/api/v1/namespaces";
export const DEPLOYMENTS = "/apis/apps/v1/namespaces/openfaas-fn/deployments";
export const SERVICES = "/api/v1/namespaces/openfaas-fn/services";
export const PODS = "/api/v1/namespaces/openfaas-fn/pods";

export interface World {
  fake: FakeKubernetes;
  client: KubernetesClient;
  informers: Informers;
  log: KeptLog;
}

/** Returns what starts a fake with informers of the whole cluster; `prepare` fills it before. */
export function useWorlds(
  hook: typeof afterEach,
): (prepare?: (fake: FakeKubernetes) => void) => Promise<World> {
  const atEnd = collectCleanups(hook);
  return async (prepare = () => undefined) => {
    const fake = new FakeKubernetes();
    const log = createKeptLog();
    const client = await fake.start();
    atEnd(() => fake.stop());
    atEnd(() => client.close());
    prepare(fake);
    const informers = new Informers({
      client,
      logger: log.logger,
      functionNamespace: "openfaas-fn",
      platformNamespace: "openfaas",
      isClusterScoped: true,
    });
    atEnd(() => informers.stop());
    return { fake, client, informers, log };
  };
}

/** The same one, for controllers of an instance that has lost the lead. */
export function withoutLead(world: World): World {
  const loss = new Error("no longer leading");
  const leadership = {
    term: AbortSignal.abort(loss),
    assertLeading: (): never => {
      throw loss;
    },
  };
  return { ...world, client: new FencedClient(world.client, leadership) };
}

/** Writes of a fake, as `METHOD path`. */
export function writesOf(fake: FakeKubernetes): string[] {
  return fake.requests
    .filter(({ method }) => method !== "GET")
    .map(({ method, path }) => `${method} ${path}`);
}
