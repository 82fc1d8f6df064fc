/** Functions of the store: which are offered, and what the form has for the one that is chosen. */
import type { StoreFunction } from "../api/types.ts";
import { type DeployFields, emptyFields } from "./deployment.ts";
import { formatPairs } from "./pairs.ts";

/** What can be chosen. */
export interface Offer {
  name: string;
  title: string;
  description: string;
  /** For the platform. */
  image: string;
  of: StoreFunction;
}

/** Those that there are for the platform and that have all words of a search, in their order. */
export function toOffers(
  functions: readonly StoreFunction[],
  platform: string,
  search: string,
): Offer[] {
  const words = search.toLowerCase().split(/\s+/);
  return functions.flatMap((of) => {
    const { name, title, description } = of;
    const image = findImage(of, platform);
    const text = `${name} ${title} ${description}`.toLowerCase();
    return image !== undefined && words.every((word) => text.includes(word))
      ? [{ name, title, description, image, of }]
      : [];
  });
}

/** As faas-cli does it, whatever the case. */
function findImage({ images }: StoreFunction, platform: string): string | undefined {
  const wanted = platform.toLowerCase();
  return Object.entries(images).find(([key]) => key.toLowerCase() === wanted)?.[1];
}

/** The form's fields for it. */
export function toOfferedFields({ name, image, of }: Offer, namespace: string): DeployFields {
  return {
    ...emptyFields(namespace),
    name,
    image,
    envProcess: of.fprocess ?? "",
    envVars: formatPairs(of.environment),
    labels: formatPairs(of.labels),
    annotations: formatPairs(of.annotations),
    readOnlyRootFilesystem: of.readOnlyRootFilesystem ?? false,
  };
}
