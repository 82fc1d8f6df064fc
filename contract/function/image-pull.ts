/** When nodes ask the registry for a function's image again. */
import { ANNOTATION } from "../names.ts";
import type { FunctionSpec } from "./schema.ts";

/** Kubernetes' policies, but `Never`: a node without the image has to get it. */
export const PULL_POLICIES = ["Always", "IfNotPresent"] as const;
export type PullPolicy = (typeof PULL_POLICIES)[number];

/**
 * The policy that the annotation names, or else Kubernetes' own for such an image: `Always` where
 * it may be another one tomorrow, with the tag `latest` or none, and without a digest.
 */
export function pullPolicy({ image, annotations }: FunctionSpec): PullPolicy {
  const wanted = annotations?.[ANNOTATION.imagePullPolicy];
  return PULL_POLICIES.find((each) => each === wanted) ?? usualPolicy(image);
}

function usualPolicy(image: string): PullPolicy {
  // A colon before the last slash is that of the registry's port.
  const [, tag = "latest"] = (image.split("/").at(-1) ?? "").split(":");
  return tag === "latest" && !image.includes("@") ? "Always" : "IfNotPresent";
}
