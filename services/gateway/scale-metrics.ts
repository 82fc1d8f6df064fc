/** Gauges of how functions are scaled, taken from the watches when the metrics are read. */
import {
  type AimedSignal,
  type FunctionResource,
  METRIC,
  readAutoscale,
  SCALE_TYPES,
  scaleLimits,
  toDisplayName,
  toKey,
} from "../../contract/index.ts";
import { registerSamples, type Registry, type Sample } from "../lib/metrics.ts";
import type { FunctionStates } from "./calls/function-states.ts";
import type { FunctionWatch } from "./cluster/functions.ts";
import { desiredReplicas } from "./cluster/scaling.ts";
import type { Endpoints } from "./upstream/endpoints.ts";

export interface ScaleSources {
  functions: Pick<FunctionWatch, "values">;
  endpoints: Pick<Endpoints, "load">;
  states: Pick<FunctionStates, "called">;
}

/** Registers them, by OpenFaaS' names. */
export function registerScale(registry: Registry, sources: ScaleSources): void {
  const { functions, endpoints, states } = sources;
  const register = (name: string, help: string, collect: () => Sample[]): void =>
    registerSamples(registry, { name, help, type: "gauge", collect });
  const registerEach = (
    name: string,
    help: string,
    toValue: (resource: FunctionResource) => number,
  ): void =>
    register(name, help, () =>
      Array.from(functions.values(), (resource) => ({
        labels: { function_name: toDisplayName(resource.metadata) },
        value: toValue(resource),
      })),
    );
  registerEach(METRIC.serviceCount, "Desired replicas of a function.", desiredReplicas);
  registerEach(
    METRIC.serviceMin,
    "Fewest replicas of a function.",
    (resource) => scaleLimits(resource).min,
  );
  registerEach(
    METRIC.serviceReady,
    "Replicas of a function that take calls.",
    ({ metadata }) => endpoints.load(toKey(metadata)).pods,
  );
  register(METRIC.targetLoad, "Load of one replica that a function's scaling is to keep.", () =>
    Array.from(functions.values()).flatMap(toTargets),
  );
  register(METRIC.inFlight, "Calls of a function in flight at this gateway.", () =>
    Array.from(states.called(), ({ displayName, inFlight, waiting, upgraded }) => ({
      labels: { function_name: displayName },
      // As the signal has it that is compared with the target.
      value: inFlight + waiting + upgraded,
    })),
  );
}

function toTargets({ metadata, spec }: FunctionResource): Sample[] {
  const signals = readAutoscale(spec)?.signals ?? [];
  return signals.map((signal) => ({
    labels: { function_name: toDisplayName(metadata), scaling_type: toScalingType(signal) },
    value: signal.target,
  }));
}

/** OpenFaaS' word for a signal, where it has one. */
function toScalingType({ type, name }: AimedSignal): string {
  const known = Object.entries(SCALE_TYPES).find(([, signal]) => signal === type);
  return known?.[0] ?? name;
}
