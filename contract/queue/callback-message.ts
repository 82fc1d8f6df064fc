/** An answer on its way to the address that the caller gave. */
import { createHash } from "node:crypto";
import type { FunctionReference } from "../function-reference.ts";
import {
  type Fields,
  readBody,
  readFields,
  type StoredBody,
  toBodyHead,
  toHttpFields,
  toOwnFields,
  toPayload,
} from "./envelope.ts";
import { CALLBACK_EXPECTATION, isCallback, MalformedMessageError } from "./foreign-call.ts";

export interface CallbackMessage {
  /** Id of the call that it is about. */
  id: string;
  reference: FunctionReference;
  url: URL;
  /** Of a callback to a private function of the platform's own, see `CallbackProof`. */
  proof?: string;
  /** What is sent, by names in lower case. */
  headers: Record<string, string[]>;
  body: Buffer | StoredBody;
}

/** The token of a subject that stands for a host: its names may have what subjects may not. */
export function toHostToken({ host }: URL): string {
  return createHash("sha256").update(host.toLowerCase()).digest("hex").slice(0, 32);
}

export function encodeCallback(callback: CallbackMessage): { fields: Fields; payload: Uint8Array } {
  const { id, reference, url, proof, headers, body } = callback;
  const head = {
    "Plonk-Id": id,
    "Plonk-Function": reference.name,
    "Plonk-Namespace": reference.namespace,
    "Plonk-Url": url.href,
    ...(proof !== undefined && { "Plonk-Callback-Proof": proof }),
    ...toBodyHead(body),
  };
  const fields = [...toOwnFields(head), ...toHttpFields(headers)];
  return { fields, payload: toPayload(body) };
}

/** Reads a message of ours; throws a MalformedMessageError. */
export function decodeCallback(
  fields: Iterable<[string, string[]]>,
  payload: Uint8Array,
): CallbackMessage {
  const { head, headers } = readFields(fields);
  const url = URL.parse(head["Plonk-Url"] ?? "");
  if (url === null || !isCallback(url)) {
    const finding = { field: "Plonk-Url", expected: CALLBACK_EXPECTATION, got: "another" };
    throw new MalformedMessageError([finding]);
  }
  const proof = head["Plonk-Callback-Proof"];
  return {
    ...(proof !== undefined && { proof }),
    id: head["Plonk-Id"] ?? "",
    reference: {
      name: head["Plonk-Function"] ?? "",
      namespace: head["Plonk-Namespace"] ?? "",
    },
    url,
    headers,
    body: readBody(head, payload),
  };
}
