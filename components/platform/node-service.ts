/** Settings of Node that Plonk's own services share. */
import type { ContainerSize } from "./pods.ts";

/**
 * Keeps Node's heap well below the container's limit, so that it collects garbage instead of
 * being killed; a small young generation saves memory where little garbage is made.
 */
export function toNodeOptions(size: ContainerSize): string {
  const oldSpaceMiB = Math.floor(size.limitMiB * 0.6);
  return `--max-old-space-size=${oldSpaceMiB} --max-semi-space-size=2`;
}
