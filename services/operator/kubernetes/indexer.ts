/** Finds objects of a watch by a value that they have in common, without looking at all of them. */
import type { ResourceWatch, WatchedObject } from "../../lib/watch.ts";

export class Indexer<T extends WatchedObject> {
  readonly #watch: ResourceWatch<T>;
  /** Keys of objects by value. */
  readonly #keys = new Map<string, Set<string>>();

  /** @param toValue - the value, the same for all versions of an object; undefined leaves it out */
  constructor(watch: ResourceWatch<T>, toValue: (object: T) => string | undefined) {
    this.#watch = watch;
    watch.on("change", ({ key, current, previous }) => {
      const object = current ?? previous;
      const value = object === undefined ? undefined : toValue(object);
      if (value === undefined) {
        return;
      }
      if (current === undefined) {
        this.#remove(value, key);
      } else {
        this.#add(value, key);
      }
    });
  }

  /** All objects with this value. */
  get(value: string): T[] {
    const keys = [...(this.#keys.get(value) ?? [])];
    return keys.flatMap((key) => this.#watch.get(key) ?? []);
  }

  #add(value: string, key: string): void {
    const keys = this.#keys.get(value) ?? new Set();
    this.#keys.set(value, keys.add(key));
  }

  #remove(value: string, key: string): void {
    const keys = this.#keys.get(value);
    keys?.delete(key);
    if (keys?.size === 0) {
      this.#keys.delete(value);
    }
  }
}
