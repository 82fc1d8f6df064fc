/** Probes of a function's pods, shaped by OpenFaaS' health and ready annotations. */
import type { V1Container, V1Probe } from "@kubernetes/client-node";
import type { FunctionResource } from "../contract/index.ts";
import type { Plain } from "./kubernetes-types.ts";

/** What each watchdog of OpenFaaS answers (openfaas-api §12). */
const HEALTH_PATH = "/_/health";

type Probes = Required<
  Pick<Plain<V1Container>, "startupProbe" | "readinessProbe" | "livenessProbe">
>;

type Numbers = Partial<
  Record<
    | "initialDelaySeconds"
    | "periodSeconds"
    | "timeoutSeconds"
    | "failureThreshold"
    | "successThreshold",
    number
  >
>;

const NUMBERS = [
  "initialDelaySeconds",
  "periodSeconds",
  "timeoutSeconds",
  "failureThreshold",
] as const;

/**
 * Start-up, readiness and liveness probes. The first one asks every second, for a quick start;
 * liveness waits for a minute of silence, since a handler that computes keeps Node from answering.
 */
export function toProbes({ spec }: FunctionResource): Probes {
  const annotations = spec.annotations ?? {};
  const healthPath = annotations["com.openfaas.health.http.path"] ?? HEALTH_PATH;
  const readyPath = annotations["com.openfaas.ready.http.path"] ?? healthPath;
  const live = readNumbers(annotations, "com.openfaas.health.http.", NUMBERS);
  const ready = readNumbers(annotations, "com.openfaas.ready.http.", [
    ...NUMBERS,
    "successThreshold",
  ]);
  const { initialDelaySeconds } = live;
  return {
    startupProbe: toProbe(healthPath, {
      periodSeconds: 1,
      timeoutSeconds: 2,
      failureThreshold: 120,
      ...(initialDelaySeconds !== undefined && { initialDelaySeconds }),
    }),
    readinessProbe: toProbe(readyPath, {
      periodSeconds: 2,
      timeoutSeconds: 2,
      failureThreshold: 3,
      ...ready,
    }),
    livenessProbe: toProbe(healthPath, {
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
      ...live,
    }),
  };
}

function toProbe(path: string, numbers: Numbers): Plain<V1Probe> {
  return { httpGet: { path, port: "http" }, ...numbers };
}

/** Numbers from annotations; what is none is left to the default. */
function readNumbers(
  annotations: Record<string, string>,
  prefix: string,
  names: readonly (keyof Numbers)[],
): Numbers {
  const numbers: Numbers = {};
  for (const name of names) {
    const text = annotations[prefix + name] ?? "";
    if (/^\d{1,6}$/.test(text)) {
      numbers[name] = Number(text);
    }
  }
  return numbers;
}
