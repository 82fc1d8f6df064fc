/**
 * The watchdog's environment variables: of-watchdog's names (openfaas-api §12). They are texts and
 * no schema: to read one would make each cold start longer.
 */

/** Those with a default, and the default. */
export const WATCHDOG_DEFAULTS = {
  /** TCP port of the function; 0 takes a free one. */
  port: "8080",
  /** TCP port of `/metrics`. */
  metrics_port: "8081",
  /** Time to receive a whole request. */
  read_timeout: "30s",
  /** Longest wait for calls in flight at shut-down; 0: as long as a call may run. */
  write_timeout: "30s",
  /** Longest run of a call; 0 is no limit. */
  exec_timeout: "30s",
  /** How long calls are still served after SIGTERM, while routes vanish. */
  healthcheck_interval: "2s",
  /** Calls at the same time; 0 is no limit. */
  max_inflight: "0",
  /** Largest request body that is buffered for an event, bytes. */
  max_body_bytes: "10485760",
  /**
   * Largest output of a process that is collected before it is sent (`mode` `serializing`): bytes,
   * or a share of the memory that the pod may take. More than half of it never fitted, as it was
   * there twice.
   */
  max_output_bytes: "50%",
  /** Content type of a process' output. */
  content_type: "application/octet-stream",
  /** Puts the time and the stream's name before each line that a process logs. */
  prefix_logs: "true",
  /** Hands `event.body` over as a Buffer, unparsed. */
  RAW_BODY: "false",
  /** How a process' output becomes an answer: `streaming` or `serializing`. */
  mode: "streaming",
} as const;

/** Those by which operator, image and watchdog agree on how to run a function. */
export const WATCHDOG_ENV = {
  /**
   * Absolute path of the module to load; without it and without `fprocess` the watchdog refuses
   * to start.
   */
  module: "PLONK_FUNCTION_MODULE",
  process: "fprocess",
  /** An older name of `fprocess`. */
  processBefore: "function_process",
  name: "OPENFAAS_NAME",
  namespace: "OPENFAAS_NAMESPACE",
} as const;

/** A variable that the watchdog reads, or functions do. */
export type WatchdogVariable =
  keyof typeof WATCHDOG_DEFAULTS | (typeof WATCHDOG_ENV)[keyof typeof WATCHDOG_ENV];
