/** A dead letter's call as if it had just been accepted. */
import { toKey } from "../../../contract/index.ts";
import {
  decodeCall,
  MalformedMessageError,
  type QueuedCall,
  toDeadSubject,
} from "../../../contract/queue/index.ts";
import { drawNonce } from "../../lib/queue/nonce.ts";
import { admit, ADMITTED, isAdmitted } from "../auth/queue-mark.ts";
import type { ReadMessage } from "./stream-reader.ts";

/**
 * The call of a letter, accepted now: times that are over are left out, and the mark of a call of a
 * private function is made anew where a gateway had made it. Throws a MalformedMessageError.
 *
 * @param key for marks; undefined: there are none
 */
export function toRedriven(letter: ReadMessage, key: Buffer | undefined): QueuedCall {
  const { notBefore, expiresAt, ...call } = decodeCall(letter.fields, letter.payload);
  if (toDeadSubject(call.reference) !== letter.subject) {
    const finding = { field: "Plonk-Function", expected: "the letter's own", got: "another" };
    throw new MalformedMessageError([finding]);
  }
  const now = Date.now();
  return {
    ...call,
    headers: renewMark(call, key),
    nonce: drawNonce(),
    acceptedAt: now,
    ...(notBefore !== undefined && notBefore > now && { notBefore }),
    ...(expiresAt !== undefined && expiresAt > now && { expiresAt }),
  };
}

function renewMark(
  { headers, reference }: Pick<QueuedCall, "headers" | "reference">,
  key: Buffer | undefined,
): QueuedCall["headers"] {
  const functionKey = toKey(reference);
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => {
      const [mark = ""] = values;
      // At the beginning of time no mark is too old: what counts is that it is one of ours.
      const isOurs =
        key !== undefined &&
        name.toLowerCase() === ADMITTED &&
        isAdmitted(key, { functionKey, mark, now: 0 });
      return [name, isOurs ? [admit(key, functionKey)] : values];
    }),
  );
}
