/** The answer of a call, kept for who asks for it. */
import { type Fields, readFields, toHttpFields, toOwnFields } from "./envelope.ts";

/** The body of a result: in its message, or in messages of their own. */
export type ResultBody = Buffer | { bytes: number; pieces: readonly number[] };

export interface KeptResult {
  /** Of the answer. */
  status: number;
  /** As its reader gets them, by names in lower case. */
  headers: Record<string, string[]>;
  /** Unix milliseconds. */
  expiresAt: number;
  body: ResultBody;
}

/** Places in a stream, with commas between them. */
const PIECES = /^[1-9]\d{0,15}(?:,[1-9]\d{0,15})*$/;

/** Writes a result; throws a MalformedMessageError for headers that HTTP does not know. */
export function encodeResult(result: KeptResult): { fields: Fields; payload: Uint8Array } {
  const { status, expiresAt, body, headers } = result;
  const isInline = Buffer.isBuffer(body);
  const head = {
    "Plonk-Status": String(status),
    "Plonk-Expires": String(expiresAt),
    ...(!isInline && {
      "Plonk-Body-Bytes": String(body.bytes),
      "Plonk-Pieces": body.pieces.join(","),
    }),
  };
  const fields = [...toOwnFields(head), ...toHttpFields(headers)];
  return { fields, payload: isInline ? body : new Uint8Array() };
}

/** Reads one; undefined for what is none. */
export function decodeResult(
  fields: Iterable<[string, string[]]>,
  payload: Uint8Array,
): KeptResult | undefined {
  const { head, headers } = readFields(fields);
  const status = Number(head["Plonk-Status"]);
  const expiresAt = Number(head["Plonk-Expires"]);
  const body = toBody(head, payload);
  const isRight = Number.isInteger(status) && status >= 100 && status <= 999;
  return isRight && Number.isInteger(expiresAt) && body !== undefined
    ? { status, headers, expiresAt, body }
    : undefined;
}

function toBody(
  { "Plonk-Pieces": pieces, "Plonk-Body-Bytes": bytes }: Record<string, string>,
  payload: Uint8Array,
): ResultBody | undefined {
  if (pieces === undefined) {
    return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  }
  return PIECES.test(pieces) && /^\d{1,15}$/.test(bytes ?? "")
    ? { bytes: Number(bytes), pieces: pieces.split(",").map(Number) }
    : undefined;
}
