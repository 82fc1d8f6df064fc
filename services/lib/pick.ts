/** These fields of an object, as far as they are set. */
export function pick<T extends object, K extends keyof T>(
  object: T,
  fields: readonly K[],
): Pick<T, K> {
  const set = fields.filter((field) => object[field] !== undefined);
  return Object.fromEntries(set.map((field) => [field, object[field]])) as Pick<T, K>;
}
