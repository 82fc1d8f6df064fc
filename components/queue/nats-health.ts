/** When NATS has to be started again. */

/**
 * All streams can be read and written. A server that has found its disk full refuses all that is to
 * be stored until it is started again, also when there is room again, and none but this check of
 * its own says so. A JetStream that still reads its streams fails it, too, and has to be waited
 * for: so many times in a row, ten seconds apart.
 */
export const NATS_LIVENESS = { path: "/healthz", failureThreshold: 12 } as const;
