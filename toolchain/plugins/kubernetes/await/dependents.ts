/** Readiness that shows in other objects: a Service's endpoints, a claim's storage class. */
import type { Bag } from "../../lib/values.ts";
import { get, getAnnotation, getItems, getName, getNamespace, getString } from "../metadata.ts";
import { READY, waiting, type CheckContext, type Readiness } from "./conditions.ts";

const DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class";

/** A Service with a selector has a ready endpoint; a load balancer has an address. */
export async function checkService(service: Bag, context: CheckContext): Promise<Readiness> {
  const type = getString(service, "spec", "type");
  if (type === "ExternalName") return READY;
  if (
    type === "LoadBalancer" &&
    getItems(service, "status", "loadBalancer", "ingress").length === 0
  ) {
    return waiting("the load balancer has no address yet");
  }
  const selector = get(service, "spec", "selector") ?? {};
  const isHeadless = getString(service, "spec", "clusterIP") === "None";
  if (isHeadless || Object.keys(selector as Bag).length === 0) return READY;
  return (await hasReadyEndpoint(service, context))
    ? READY
    : waiting("no pod that the Service selects is ready");
}

async function hasReadyEndpoint(service: Bag, { api, signal }: CheckContext): Promise<boolean> {
  const query = new URLSearchParams({
    labelSelector: `kubernetes.io/service-name=${getName(service)}`,
  });
  const slices = await api.list(
    `/apis/discovery.k8s.io/v1/namespaces/${getNamespace(service) ?? "default"}/endpointslices?${query.toString()}`,
    signal,
  );
  return slices.some((slice) =>
    getItems(slice, "endpoints").some((endpoint) => get(endpoint, "conditions", "ready") !== false),
  );
}

/** A claim is bound, or its class binds it only when a pod wants it. */
export async function checkClaim(claim: Bag, context: CheckContext): Promise<Readiness> {
  const phase = getString(claim, "status", "phase") ?? "Pending";
  if (phase === "Bound") return READY;
  return (await bindsLate(claim, context)) ? READY : waiting(`claim is ${phase}`);
}

async function bindsLate(claim: Bag, { api, signal }: CheckContext): Promise<boolean> {
  const name = getString(claim, "spec", "storageClassName");
  const classes = await api.list("/apis/storage.k8s.io/v1/storageclasses", signal);
  const found = classes.find((candidate) =>
    name === undefined
      ? getAnnotation(candidate, DEFAULT_CLASS) === "true"
      : getName(candidate) === name,
  );
  return getString(found, "volumeBindingMode") === "WaitForFirstConsumer";
}
