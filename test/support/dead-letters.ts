/** Dead letters as workers write them. */
import {
  type DeadLetter,
  encodeCall,
  encodeCallback,
  type Fields,
  NOBODY,
  type QueuedCall,
  STREAM,
  toDeadSubject,
  toLetterFields,
} from "../../contract/queue/index.ts";
import type { FakeStreams, KeptMessage } from "./fake-streams.ts";
import { LEAST_CALL } from "./queued-message.ts";

const LETTER: DeadLetter = {
  kind: "call",
  id: "7-AAAAAAAAAAAAAAAA",
  subject: "faas-request.fn.f.faas-request",
  reason: "status 500 after 3 attempts",
  attempts: 3,
  status: 500,
  diedAt: 1_795_906_000_000,
  answer: Buffer.alloc(0),
};

interface LetterParts {
  letter?: Partial<DeadLetter>;
  gap?: number;
}

/** A call of `fn/f` that died. */
export function buryCall(
  streams: FakeStreams,
  changes: Partial<QueuedCall> = {},
  { letter = {}, gap = 0 }: LetterParts = {},
): KeptMessage {
  const call = { ...LEAST_CALL, reference: { name: "f", namespace: "fn" }, ...changes };
  const { fields, payload } = encodeCall(call);
  return streams.put(STREAM.dead, toDeadSubject(call.reference), {
    fields: [...fields, ...toLetterFields({ ...LETTER, ...letter })],
    data: payload,
    gap,
  });
}

/** An answer for a caller that nobody took: of the function `fn/f`, where it says of which. */
export function buryCallback(
  streams: FakeStreams,
  url = "http://a.example/hook?secret=1",
  { reference = { name: "f", namespace: "fn" }, body = Buffer.from("answer") } = {},
): KeptMessage {
  const callback = { id: LETTER.id, reference, url: new URL(url), headers: {}, body };
  const { fields, payload } = encodeCallback(callback);
  return streams.put(STREAM.dead, toDeadSubject(NOBODY), {
    fields: [...fields, ...toLetterFields({ ...LETTER, kind: "callback" })],
    data: payload,
  });
}

/** A message that is no call, where letters are that name no function. */
export function buryOther(streams: FakeStreams, fields: Fields = [], data = "{"): KeptMessage {
  return streams.put(STREAM.dead, toDeadSubject(NOBODY), { fields, data });
}
