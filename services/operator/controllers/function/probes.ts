/** Probes of a function's pods, shaped by OpenFaaS' health and ready annotations. */
import type { V1Container, V1Probe } from "@kubernetes/client-node";
import { ANNOTATION, type FunctionResource, readCount } from "../../../../contract/index.ts";
import type { Plain } from "../../kubernetes/types.ts";

/** What each watchdog of OpenFaaS answers (openfaas-api §12). */
const HEALTH_PATH = "/_/health";

/** A program that does not answer within two minutes of its start is started again. */
const START_SECONDS = 120;

type Probes = Pick<Plain<V1Container>, "startupProbe" | "readinessProbe" | "livenessProbe">;

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
 * Start-up, readiness and liveness probes. Liveness waits for a minute of silence, since a handler
 * that computes keeps Node from answering.
 *
 * Programs of images take their time to start, and are asked every second until they have. The
 * runtime has mostly started before kubelet first asks, and is ready half a second sooner when
 * kubelet has one thing less to ask: it is asked for readiness every second, and for its life late.
 */
export function toProbes({ spec }: FunctionResource): Probes {
  const annotations = spec.annotations ?? {};
  const { healthProbe, readyProbe } = ANNOTATION;
  const healthPath = annotations[`${healthProbe}path`] ?? HEALTH_PATH;
  const readyPath = annotations[`${readyProbe}path`] ?? healthPath;
  const live = readNumbers(annotations, healthProbe, NUMBERS);
  const ready = readNumbers(annotations, readyProbe, [...NUMBERS, "successThreshold"]);
  const isRuntime = spec.code !== undefined;
  return {
    ...(!isRuntime && { startupProbe: toProbe(healthPath, toStart(live)) }),
    readinessProbe: toProbe(readyPath, {
      periodSeconds: isRuntime ? 1 : 2,
      timeoutSeconds: 2,
      failureThreshold: isRuntime ? 6 : 3,
      ...ready,
    }),
    livenessProbe: toProbe(healthPath, {
      ...(isRuntime && { initialDelaySeconds: START_SECONDS / 2 }),
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
      ...live,
    }),
  };
}

function toStart({ initialDelaySeconds }: Numbers): Numbers {
  return {
    periodSeconds: 1,
    timeoutSeconds: 2,
    failureThreshold: START_SECONDS,
    ...(initialDelaySeconds !== undefined && { initialDelaySeconds }),
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
    const number = readCount(annotations[prefix + name]);
    if (number !== undefined) {
      numbers[name] = number;
    }
  }
  return numbers;
}
