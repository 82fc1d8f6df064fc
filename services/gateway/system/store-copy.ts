/** What a gateway gives of a store. */
import type { StoreDocument } from "../../../contract/index.ts";
import type { Failure } from "../errors.ts";
import { toEntityTag } from "../http/entity-tags.ts";

/** A store document as it is sent. */
export interface StoreCopy {
  body: Buffer;
  etag: string;
}

export interface Store {
  /** Never throws: that there is no document is an answer, too. */
  read(): Promise<StoreCopy | { failure: Failure }>;
  close(): Promise<void>;
}

/** A document as it is sent. */
export function toCopy(document: StoreDocument): StoreCopy {
  const body = Buffer.from(JSON.stringify(document));
  return { body, etag: toEntityTag(body) };
}
