/**
 * What a gateway says of the load of its functions, to the operator, which adds up what all of
 * them say: `GET /loads` at the port of the metrics.
 */
import { type Static, Type } from "typebox";

export const LOADS_PATH = "/loads";

/** With this query, also what waits in the queue: all gateways see the same one. */
export const WITH_QUEUE = "queue=1";

const Count = Type.Number({ minimum: 0 });

/**
 * Of one function: calls that have begun since the gateway has, calls and upgraded connections in
 * flight, calls that wait for a pod, and how long there has been neither, milliseconds.
 */
const FunctionLoad = Type.Tuple([Count, Count, Count, Count]);

export const GatewayLoads = Type.Object({
  /** How long the gateway has been there, milliseconds: before, it knows of no calls. */
  ageMs: Count,
  /** By `name.namespace`: those that were called. */
  functions: Type.Record(Type.String(), FunctionLoad),
  /**
   * Asynchronous calls that no worker was given, by `name.namespace`, where there are any. Absent
   * where it was not asked for, or where the queue cannot be asked now.
   */
  queue: Type.Optional(Type.Record(Type.String(), Count)),
});
export type GatewayLoads = Static<typeof GatewayLoads>;
