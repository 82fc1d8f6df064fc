/** Memory and processor of a container: the profile's, and what a program says in their place. */
import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { isMatch, parseQuantity, QUANTITY, quote, toField } from "../../contract/index.ts";
import { ArgumentError } from "../errors.ts";
import type { ContainerSize } from "./pods.ts";

/** As a program says them, with every value known. */
type Given = pulumi.Unwrap<k8s.types.input.core.v1.ResourceRequirements>;

type Quantities = Record<string, string>;

/** What a container asks for, and what it may take at most. */
export interface Resources {
  requests: Quantities;
  limits: Quantities;
}

/** Keeps a runaway part from taking the whole node; high enough not to slow a start. */
const CPU_LIMIT = "2";

const MIB = 2 ** 20;

/** Less is a unit that was forgotten: no part of the platform starts with it. */
const LEAST_MEMORY_MIB = 16;

/** Those of the profile. */
export function toUsualResources(size: ContainerSize): Resources {
  return {
    requests: { cpu: `${size.cpuMillis}m`, memory: `${size.requestMiB}Mi` },
    limits: { cpu: CPU_LIMIT, memory: `${size.limitMiB}Mi` },
  };
}

/**
 * Puts what is given in the place of what is usual, value by value. A usual request is no larger
 * than a limit that is given.
 *
 * @throws ArgumentError for what is no quantity, and for requests beyond the limit
 */
export function toResources(field: string, given: Given, size: ContainerSize): Resources {
  checkResources(field, given);
  const usual = toUsualResources(size);
  const limits = { ...usual.limits, ...given.limits };
  const requests = { ...lower(usual.requests, limits), ...given.requests };
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name];
    if (limit !== undefined && parseQuantity(request) > parseQuantity(limit)) {
      const at = toField([`${field}.requests`, name]);
      throw new ArgumentError(`${at}: expected at most the limit (${limit}), got "${request}"`);
    }
  }
  return { requests, limits };
}

/** Limit of memory in whole MiB, for settings of the process that runs in it. */
export function toLimitMiB({ limits }: Resources): number {
  return Math.floor(parseQuantity(limits["memory"] ?? "") / MIB);
}

function lower(requests: Quantities, limits: Quantities): Quantities {
  const entries = Object.entries(requests).map(([name, request]) => {
    const limit = limits[name] ?? request;
    return [name, parseQuantity(request) > parseQuantity(limit) ? limit : request];
  });
  return Object.fromEntries(entries) as Quantities;
}

function checkResources(field: string, { requests = {}, limits = {}, claims }: Given): void {
  if (claims !== undefined) {
    throw new ArgumentError(
      `${field}.claims: expected none, as the pods have none, got ${quote(claims)}`,
    );
  }
  for (const [kind, quantities] of Object.entries({ requests, limits })) {
    for (const [name, quantity] of Object.entries(quantities)) {
      checkQuantity(toField([`${field}.${kind}`, name]), quantity);
    }
  }
  const { memory } = limits;
  if (memory !== undefined && toLimitMiB({ requests, limits }) < LEAST_MEMORY_MIB) {
    const expected = `at least ${LEAST_MEMORY_MIB}Mi`;
    throw new ArgumentError(`${field}.limits.memory: expected ${expected}, got "${memory}"`);
  }
}

function checkQuantity(field: string, value: string): void {
  if (!isMatch(QUANTITY, value)) {
    throw new ArgumentError(
      `${field}: expected a quantity such as 128Mi or 100m, got ${quote(value)}`,
    );
  }
}
