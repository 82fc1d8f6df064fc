/** What a gateway gives of a store. */
import { createHash } from "node:crypto";
import type { StoreDocument } from "../../../contract/index.ts";
import type { Failure } from "../errors.ts";

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
  const hash = createHash("sha256").update(body).digest("base64url").slice(0, 22);
  return { body, etag: `"${hash}"` };
}
