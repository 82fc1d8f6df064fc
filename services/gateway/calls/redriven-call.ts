/** A dead letter's call as if it had just been accepted. */
import { CALL_HEADER } from "../../../contract/index.ts";
import {
  decodeCall,
  MalformedMessageError,
  type QueuedCall,
  toDeadSubject,
} from "../../../contract/queue/index.ts";
import { drawNonce } from "../../lib/queue/nonce.ts";
import { toMarkedCall } from "../auth/queue-mark.ts";
import type { QueueMarks } from "../auth/queue-marks.ts";
import type { ReadMessage } from "./stream-reader.ts";

/**
 * The call of a letter, accepted now: times that are over are left out, and the mark of a call of a
 * private function is made anew where a gateway had made it. Throws a MalformedMessageError.
 *
 * @param marks undefined: there are none
 */
export function toRedriven(letter: ReadMessage, marks: QueueMarks | undefined): QueuedCall {
  const { notBefore, expiresAt, ...call } = decodeCall(letter.fields, letter.payload);
  if (toDeadSubject(call.reference) !== letter.subject) {
    const finding = { field: "Plonk-Function", expected: "the letter's own", got: "another" };
    throw new MalformedMessageError([finding]);
  }
  const now = Date.now();
  const redriven: QueuedCall = {
    ...call,
    nonce: drawNonce(),
    acceptedAt: now,
    ...(notBefore !== undefined && notBefore > now && { notBefore }),
    ...(expiresAt !== undefined && expiresAt > now && { expiresAt }),
  };
  return { ...redriven, headers: renewMark(call, redriven, marks) };
}

/** A mark is about the old call, with its nonce; the new one gets its own, about the same body. */
function renewMark(
  call: QueuedCall,
  redriven: QueuedCall,
  marks: QueueMarks | undefined,
): QueuedCall["headers"] {
  return Object.fromEntries(
    Object.entries(call.headers).map(([name, values]) => {
      const [mark = ""] = values;
      const renewed =
        name.toLowerCase() === CALL_HEADER.admitted
          ? marks?.renew(mark, toMarkedCall(call), toMarkedCall(redriven))
          : undefined;
      return [name, renewed === undefined ? values : [renewed]];
    }),
  );
}
