/** What the arguments of all parts have in common, and how they are checked. */
import { ArgumentError } from "../errors.ts";

/** How much of a machine the platform takes. */
export const Profile = {
  /** For servers and laptops: days of metrics, room for bursts. */
  Standard: "standard",
  /** For boards with 1 GiB of memory: the same pods, with hours of metrics and smaller limits. */
  Edge: "edge",
} as const;
export type Profile = (typeof Profile)[keyof typeof Profile];

/** Longest call of a function unless it is said otherwise: gateway and operator must agree. */
export const CALL_TIMEOUT_SECONDS = 60;

/** Returns `profile`, or the usual one. */
export function checkProfile(profile: Profile = Profile.Standard): Profile {
  if (Object.values(Profile).includes(profile)) {
    return profile;
  }
  const known = Object.values(Profile).join(", ");
  throw new ArgumentError(`profile: expected one of ${known}, got ${JSON.stringify(profile)}`);
}
