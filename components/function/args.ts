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
}

/** How many pods a function has. */
export interface FunctionScale {
  /** Fewest pods while the function is not idle. @default 1 */
  min?: pulumi.Input<number>;
  /** Most pods. Equal to `min`, it turns scaling off. @default 20 */
  max?: pulumi.Input<number>;
  /** Step of the alert-driven scaling, percent of `max`. @default 20 */
  factorPercent?: pulumi.Input<number>;
  /** Whether an idle function goes down to no pod at all. Not available yet. @default false */
  zero?: pulumi.Input<boolean>;
  /**
   * Time without a call after which a function counts as idle, seconds. Not available yet.
   * @default 900
   */
  zeroAfterSeconds?: pulumi.Input<number>;
  /** What is scaled by: `rps`, `capacity` or `cpu`. Not available yet. @default "rps" */
  type?: pulumi.Input<string>;
  /**
   * Load of one pod that scaling aims at, in the unit of `type`. Not available yet.
   * @default 50
   */
  target?: pulumi.Input<number>;
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
