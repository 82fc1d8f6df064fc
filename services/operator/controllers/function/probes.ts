/** Probes of a function's pods, shaped by OpenFaaS' health and ready annotations. */
import type { V1Container, V1Probe } from "@kubernetes/client-node";
import {
  ANNOTATION,
  type CallTimeouts,
  drainMs,
  type FunctionResource,
  readCount,
} from "../../../../contract/index.ts";
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

/** How often a program is asked whether it lives, and how often in vain before it is ended. */
const LIVE_PERIOD_SECONDS = 10;
const LIVE_FAILURES = 6;

/**
 * Start-up, readiness and liveness probes. A handler that computes keeps Node from answering: it is
 * not ready meanwhile, but it lives, for a minute at least and for as long as its longest call.
 *
 * Programs of images take their time to start, and are asked every second until they have. The
 * runtime has mostly started before kubelet first asks, and is ready half a second sooner when
 * kubelet has one thing less to ask: it is asked for readiness every second, and for its life late.
 */
export function toProbes({ spec }: FunctionResource, timeouts: CallTimeouts): Probes {
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
      periodSeconds: LIVE_PERIOD_SECONDS,
      timeoutSeconds: 5,
      // Who sets a period of their own means how soon silence is noticed.
      failureThreshold:
        live.periodSeconds === undefined ? toFailures(drainMs(spec, timeouts)) : LIVE_FAILURES,
      ...live,
    }),
  };
}

/**
 * After how many questions in vain a program does not live any more. The first one may come right
 * after a call has begun, so that a longer call than those of the usual limit takes one more; those
 * keep the number that they have always had, as another one would restart all pods.
 */
function toFailures(longestMs: number): number {
  const periods = Math.ceil(longestMs / 1000 / LIVE_PERIOD_SECONDS);
  return periods <= LIVE_FAILURES ? LIVE_FAILURES : periods + 1;
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
