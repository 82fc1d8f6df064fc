/** Puts content into the values that a module has made; this runs where the function runs. */

/** One own property, as `Object.defineProperty` takes it. */
export interface PropertyPart extends PropertyDescriptor {
  key: string | symbol;
}

/** What is put into one value. Items are objects: the serializer drops `undefined` from lists. */
export interface Part {
  target: unknown;
  prototype?: object;
  /** Of a Map. */
  entries?: { key: unknown; value: unknown }[];
  /** Of a Set. */
  items?: { value: unknown }[];
  properties?: PropertyPart[];
  /** What a class refers to, or what a bound function is made of. */
  slot?: { name: string; content: object };
  /** What cannot be done with it any more. */
  limit?: "frozen" | "sealed" | "fixed";
}

/**
 * Makes the function that is serialized in the place of `callback`, and gives it when called. The
 * serializer takes the functions below along.
 */
export function makeReviver(
  callback: unknown,
  parts: Part[],
  slots: Record<string, object>,
): () => unknown {
  return () => {
    for (const { slot } of parts) {
      Object.assign(slots[slot?.name ?? ""] ?? {}, slot?.content);
    }
    for (const part of parts) {
      fill(part);
    }
    for (const part of parts) {
      limit(part);
    }
    return callback;
  };
}

function fill({ target, prototype, entries = [], items = [], properties = [] }: Part): void {
  if (prototype) {
    Object.setPrototypeOf(target, prototype);
  }
  for (const { key, value } of entries) {
    Map.prototype.set.call(target, key, value);
  }
  for (const { value } of items) {
    Set.prototype.add.call(target, value);
  }
  for (const property of properties) {
    Object.defineProperty(target, property.key, property);
  }
}

function limit({ target, limit: kind }: Part): void {
  if (kind === "frozen") {
    Object.freeze(target);
  } else if (kind === "sealed") {
    Object.seal(target);
  } else if (kind === "fixed") {
    Object.preventExtensions(target as object);
  }
}
