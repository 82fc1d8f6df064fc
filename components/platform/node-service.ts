/** Settings of Node that Plonk's own services share. */
import type { ContainerSize } from "./pods.ts";

/**
 * With 4, what 250 calls in flight hold outlives young collections and waits for one of the whole
 * heap; with 16, calls are as fast and it takes 15 MiB more.
 */
export const GATEWAY_SEMI_SPACE_MIB = 8;

/**
 * Keeps Node's heap well below the container's limit, so that it collects garbage instead of
 * being killed; a small young generation saves memory where little garbage is made.
 * @param semiSpaceMiB - a third of what the young generation takes at most
 */
export function toNodeOptions(size: ContainerSize, semiSpaceMiB = 2): string {
  const oldSpaceMiB = Math.floor(size.limitMiB * 0.6);
  return `--max-old-space-size=${oldSpaceMiB} --max-semi-space-size=${semiSpaceMiB}`;
}
