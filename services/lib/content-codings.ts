/** Content codings in which bodies are taken (RFC 9110 §8.4). */
import type { Transform } from "node:stream";
import {
  brotliDecompress,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  gunzip,
  inflate,
  type ZlibOptions,
} from "node:zlib";

export interface ContentCoding {
  /** Decodes what comes. */
  createDecoder(): Transform;
  /** Decodes what is there as a whole. */
  decode(
    body: Buffer,
    options: ZlibOptions,
    done: (error: NodeJS.ErrnoException | null, decoded: Buffer) => void,
  ): void;
}

const GZIP: ContentCoding = { createDecoder: createGunzip, decode: gunzip };

/** By name. One at a time is taken: of several, a little body could keep a machine busy. */
export const CONTENT_CODINGS: ReadonlyMap<string, ContentCoding> = new Map([
  ["gzip", GZIP],
  ["x-gzip", GZIP],
  ["deflate", { createDecoder: createInflate, decode: inflate }],
  ["br", { createDecoder: createBrotliDecompress, decode: brotliDecompress }],
]);

/** Their names, as Accept-Encoding has them. */
export const ACCEPTED_CODINGS = [...CONTENT_CODINGS.keys()].join(", ");
