/** Parts of schemas for fields that are Kubernetes' own. */
import { type TSchema, Type } from "typebox";

/** Names of the fields alone: a misspelt one would be ignored in silence. */
export const CLOSED = { additionalProperties: false } as const;

/** Longest list: more is no profile, and costs each function that has it. */
const MAX_ITEMS = 32;

export const Text = Type.String({ minLength: 1, maxLength: 253, description: "a text" });

export function oneOf(...words: readonly string[]): ReturnType<typeof Type.String> {
  return Type.String({ enum: [...words], description: words.join(" or ") });
}

export function toCount(minimum: number): ReturnType<typeof Type.Integer> {
  const maximum = 2_147_483_647;
  return Type.Integer({ minimum, maximum, description: `a whole number of ${minimum} or more` });
}

export function listOf<T extends TSchema>(items: T): ReturnType<typeof Type.Array<T>> {
  return Type.Array(items, { maxItems: MAX_ITEMS, description: `a list of at most ${MAX_ITEMS}` });
}
