/** The body of a queued call: in memory where it is small, else on its way to the object store. */
import type { IncomingMessage } from "node:http";
import type { StoredBody } from "../../../contract/queue/index.ts";

export interface ReceiveOptions {
  /** Most bytes of a body. */
  maxBytes: number;
  /** Most bytes of one that is kept in memory. */
  maxInlineBytes: number;
  /** Keeps what is larger. */
  keep: (source: AsyncIterable<Buffer>) => Promise<StoredBody>;
  /** Forgets what was kept of a body that came to no end. */
  forget: (body: StoredBody) => Promise<void>;
  /** Sees each part, in their order. */
  onChunk?: (chunk: Buffer) => unknown;
}

/** Reads a body; undefined when it is too large. Rejects when its caller goes away. */
export async function receiveBody(
  request: IncomingMessage,
  { maxBytes, maxInlineBytes, keep, forget, onChunk }: ReceiveOptions,
): Promise<Buffer | StoredBody | undefined> {
  // The connection stays open for the answer, whatever becomes of the body.
  const source = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  const chunks: Buffer[] = [];
  let length = 0;
  const next = async (): Promise<Buffer | undefined> => {
    const result = await source.next();
    if (result.done === true) {
      return undefined;
    }
    length += result.value.length;
    onChunk?.(result.value);
    return length > maxBytes ? undefined : result.value;
  };
  while (length <= maxInlineBytes) {
    const chunk = await next();
    if (chunk === undefined) {
      return length > maxBytes ? undefined : Buffer.concat(chunks);
    }
    chunks.push(chunk);
  }
  const pieces = async function* (): AsyncGenerator<Buffer, void> {
    for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
      yield chunk;
    }
    for (let chunk = await next(); chunk !== undefined; chunk = await next()) {
      yield chunk;
    }
  };
  const stored = await keep(pieces());
  if (length > maxBytes) {
    await forget(stored);
    return undefined;
  }
  return stored;
}
