/** Arguments of `Function` and `CallbackFunction`. */
import type * as pulumi from "@pulumi/pulumi";

/**
 * What a function needs to know of the platform. A `Platform` has these fields; of a platform in
 * another stack, `platformFromStack` gives them.
 */
export interface PlatformReference {
  /** Address of the gateway, without a trailing slash. */
  gatewayUrl: pulumi.Input<string>;
  /** Namespace of the functions. */
  functionNamespace: pulumi.Input<string>;
  /** Image reference of the Node runtime that functions with `code` run in. */
  runtimeImage: pulumi.Input<string>;
  /** Queues beside the usual one. @default unknown, so that none is refused */
  queueNames?: pulumi.Input<string[]>;
  /** Profiles that functions may name. @default unknown, so that none is refused */
  functionProfileNames?: pulumi.Input<string[]>;
}

/** What a function is scaled by. */
export interface FunctionScaleSignal {
  /**
   * `rps`, calls that begin each second; `inflight`, calls that are under way or wait for a pod;
   * `cpu`, thousandths of a core; `queue`, asynchronous calls that no worker has taken yet; or
   * `prometheus`, what `query` gives. Each but the last comes only once.
   */
  type: pulumi.Input<string>;
  /**
   * Load of one pod, in the unit of `type`; 0.001 or more.
   * @default 50 for rps and inflight, 500 for cpu, 10 for queue; `prometheus` has none
   */
  target?: pulumi.Input<number>;
  /** Part of the target that is aimed at, from 0.01 to 1. @default 0.9 */
  proportion?: pulumi.Input<number>;
  /** A query in PromQL, all of whose values are added up; for `prometheus` alone. */
  query?: pulumi.Input<string>;
}

/** How quickly there are more pods, or fewer. Of `replicas` and `percent` the larger holds. */
export interface FunctionScaleDirection {
  /**
   * How long other pods have to be wanted without a break, seconds, from 0, which is at once, to
   * 3600. Limits, floors and the way to zero and back do not wait for it.
   * @default 0 up, 60 down
   */
  windowSeconds?: pulumi.Input<number>;
  /** Most pods that come, or go, within a period. @default any number */
  replicas?: pulumi.Input<number>;
  /** The same in percent of those that there were when the period began. @default any */
  percent?: pulumi.Input<number>;
  /** Length of a period, seconds; only beside `replicas` or `percent`. @default 60 */
  periodSeconds?: pulumi.Input<number>;
}

/** More pods at some hours, whatever the load is. */
export interface FunctionScaleFloor {
  /** When it begins: a cron expression of five fields, e.g. `0 7 * * 1-5`. */
  start: pulumi.Input<string>;
  /** When it ends: the same. */
  end: pulumi.Input<string>;
  /** Name of the time zone of both, e.g. `Europe/Berlin` (IANA). @default "UTC" */
  timeZone?: pulumi.Input<string>;
  /** Fewest pods in between: more than `min` of the scale, and at most its `max`. */
  min: pulumi.Input<number>;
}

/**
 * How many pods a function has. With `type`, `target`, `targetProportion`, `zero`, `signals`, `up`,
 * `down` or `floors` it is scaled by its own load, otherwise by alerts.
 */
export interface FunctionScale {
  /** Fewest pods while the function is not idle. @default 1 */
  min?: pulumi.Input<number>;
  /** Most pods. Equal to `min`, it turns scaling off. @default 20 */
  max?: pulumi.Input<number>;
  /**
   * Step of the alert-driven scaling, percent of `max`; of no use, and refused, where the load
   * scales.
   * @default 20
   */
  factorPercent?: pulumi.Input<number>;
  /** Whether an idle function goes down to no pod at all. @default false */
  zero?: pulumi.Input<boolean>;
  /**
   * Time without a call after which a function counts as idle, seconds, from 10 to 86400; only
   * beside `zero`.
   * @default 900
   */
  zeroAfterSeconds?: pulumi.Input<number>;
  /**
   * What is scaled by: `rps`, `capacity` (calls that are under way or wait), `cpu` or `queue`. More
   * than one of them, and others, are `signals`.
   * @default "rps"
   */
  type?: pulumi.Input<string>;
  /**
   * Load of one pod, in the unit of `type`: calls per second, calls, thousandths of a core, queued
   * calls. A whole number.
   * @default 50 for rps and capacity, 500 for cpu, 10 for queue
   */
  target?: pulumi.Input<number>;
  /** Part of the target that is aimed at, from 0.01 to 1. @default 0.9 */
  targetProportion?: pulumi.Input<number>;
  /**
   * What is scaled by, up to 8, of which the one that wants most pods wins. Not beside `type`,
   * `target` and `targetProportion`.
   * @default what these say
   */
  signals?: FunctionScaleSignal[];
  /** How quickly there are more pods. @default at once, as many as are wanted */
  up?: FunctionScaleDirection;
  /** How quickly there are fewer. @default after 60 s, as few as were wanted in them */
  down?: FunctionScaleDirection;
  /** More pods at some hours, up to 16; of those in force the highest holds. @default none */
  floors?: FunctionScaleFloor[];
}

/** Memory and processor of one pod of a function; an empty text says nothing. */
export interface FunctionResources {
  /** A Kubernetes quantity, e.g. `128Mi`; a limit of 6Mi or more, a request of 1Mi or more. */
  memory?: pulumi.Input<string>;
  /** A Kubernetes quantity, e.g. `100m` for a tenth of a core; 1m or more. */
  cpu?: pulumi.Input<string>;
}

/**
 * What all functions have, whatever they are made of. An optional text that is empty says nothing,
 * as in the REST API: only a `name` has to be one.
 */
export interface FunctionOptions {
  /** The platform to run on. */
  platform: PlatformReference;
  /**
   * Name under which the function is called: a DNS label that begins with a letter.
   * @default the logical name
   */
  name?: pulumi.Input<string>;
  /** Namespace. @default the platform's namespace for functions */
  namespace?: pulumi.Input<string>;
  /**
   * Environment variables, each as it is: nothing in a value is expanded. Visible to everybody who
   * may read Functions: no secrets here.
   */
  environment?: Record<string, pulumi.Input<string>>;
  /**
   * Names of secrets (`FunctionSecret`), each a file `/var/openfaas/secrets/<name>`. By one of type
   * `kubernetes.io/dockerconfigjson` the image is pulled; it is no file.
   */
  secrets?: pulumi.Input<string>[];
  /** Labels of the function. */
  labels?: Record<string, pulumi.Input<string>>;
  /** Annotations of the function, e.g. `topic`. */
  annotations?: Record<string, pulumi.Input<string>>;
  /** Most that a pod may take. @default 256Mi of memory unless `requests` name it, any cpu */
  limits?: FunctionResources;
  /**
   * What a pod is sure to get, at most the limit.
   * @default 64Mi and 20m, each unless `limits` name it
   */
  requests?: FunctionResources;
  /** Whether callers have to say who they are, by password or token. @default false */
  private?: pulumi.Input<boolean>;
  /** How many pods. */
  scale?: FunctionScale;
  /**
   * Longest call, seconds, from 1 to 86400. @default the platform's `gateway.timeoutSeconds`, 60
   * unless told
   */
  timeoutSeconds?: pulumi.Input<number>;
  /**
   * Profiles of the platform (`functionProfiles`) that its pods are made by; what a later one says
   * takes the place of what those before it say.
   * @default none
   */
  profiles?: pulumi.Input<string>[];
  /** Node labels that a node must have, `key=value` each. */
  constraints?: pulumi.Input<string>[];
  /**
   * Whether the pod's root file system is read-only; `/tmp` never is.
   * @default false for an image, true for code
   */
  readOnlyRootFilesystem?: pulumi.Input<boolean>;
}

/** Arguments of `Function`: `FunctionOptions`, and either `code` or `image`. */
export interface FunctionArgs extends FunctionOptions {
  /**
   * Path or `file:` URL of a JavaScript or TypeScript module, bundled with what it imports.
   * A path is relative to the program's directory; `import.meta.resolve("./x.ts")` is relative
   * to the file that says it.
   */
  code?: pulumi.Input<string>;
  /** Image reference of an OpenFaaS function. */
  image?: pulumi.Input<string>;
  /** Program that the image's watchdog runs for each call, with the body on standard input. */
  fprocess?: pulumi.Input<string>;
}
