/** A reader of gateways' loads beside gateways that are played, by HTTP and a clock by hand. */
import { afterEach } from "@jest/globals";
import type { GatewayLoads } from "../../contract/gateway-loads.ts";
import { GatewayLoadsReader } from "../../services/operator/controllers/autoscaler/gateway-loads.ts";
import type { GatewayEndpoint } from "../../services/operator/kubernetes/gateway-endpoints.ts";
import { collectCleanups } from "./cleanup.ts";
import { FakeGateway, locateGateway } from "./fake-gateway.ts";
import { createKeptLog } from "./logs.ts";

const atEnd = collectCleanups(afterEach);
export const NAME = "resize.openfaas-fn";
export const OTHER = "other.openfaas-fn";
export const HOUR = 3_600_000;

export interface LoadsWorld {
  reader: GatewayLoadsReader;
  gateways: FakeGateway[];
  /** What the reader is told of, in the place of all gateways. */
  told: { endpoints: GatewayEndpoint[] | undefined; names: readonly string[] };
  text: () => string;
  /** So many milliseconds later all gateways are asked. */
  look: (afterMs?: number, withQueue?: boolean) => Promise<void>;
}

/** @param timeoutMs the usual one is long, however busy the machine is */
export async function createLoadsWorld(count = 1, timeoutMs = 60_000): Promise<LoadsWorld> {
  const gateways = await Promise.all(Array.from({ length: count }, () => FakeGateway.start()));
  gateways.forEach((gateway) => atEnd(() => gateway.stop()));
  const { logger, text } = createKeptLog();
  let now = 0;
  const endpoints = gateways.map(({ endpoint }) => endpoint);
  const told: LoadsWorld["told"] = { endpoints, names: [NAME, OTHER] };
  const reader = new GatewayLoadsReader({
    gateways: () => told.endpoints,
    logger,
    now: () => now,
    locate: locateGateway,
    timeoutMs,
  });
  atEnd(() => reader.close());
  const look = async (afterMs = 1000, withQueue = false): Promise<void> => {
    now += afterMs;
    await reader.look(told.names, withQueue);
  };
  return { reader, gateways, told, text, look };
}

/** An old gateway's answer so many seconds after the first one. */
export function after(seconds: number, load: GatewayLoads["functions"][string]): GatewayLoads {
  return { ageMs: HOUR + seconds * 1000, functions: { [NAME]: load } };
}

export const whole = (value: number | undefined) => ({ value, isWhole: true });
export const part = (value: number) => ({ value, isWhole: false });
