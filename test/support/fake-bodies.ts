/** An object store in memory. */
import type { StoredBody } from "../../contract/queue/index.ts";
import { BodyLostError, type BodyStore } from "../../services/lib/queue/body-store.ts";

export class FakeBodies implements Pick<BodyStore, "read" | "write" | "delete"> {
  readonly kept = new Map<string, Buffer>();
  /** Fails after so many bytes of a body. @default never */
  failsAfter = Infinity;

  async write(name: string, source: AsyncIterable<Uint8Array>): Promise<StoredBody> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of source) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > this.failsAfter) {
        throw new Error("store: no room");
      }
    }
    this.kept.set(name, Buffer.concat(chunks));
    return { name, bytes };
  }

  async *read({ name }: StoredBody): AsyncGenerator<Uint8Array, void> {
    const body = await Promise.resolve(this.kept.get(name));
    if (body === undefined) {
      throw new BodyLostError("its body is gone from the object store");
    }
    for (let at = 0; at < body.length; at += 65_536) {
      yield body.subarray(at, at + 65_536);
    }
  }

  delete({ name }: StoredBody): Promise<void> {
    return this.kept.delete(name)
      ? Promise.resolve()
      : Promise.reject(new Error("store: no such body"));
  }
}
