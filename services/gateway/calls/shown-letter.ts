/** What is shown of a dead letter: never the request's headers, its query or its body. */
import type { DeadLetterDetail, DeadLetterSummary } from "../../../contract/index.ts";
import {
  type DeadLetter,
  NOBODY,
  readFields,
  readLetter,
  toReference,
} from "../../../contract/queue/index.ts";
import { readCall, toCallFields, toTime } from "./shown-call.ts";
import type { ReadMessage } from "./stream-reader.ts";

/** Whose letter it is, by which it is filtered and rights are asked for. */
export interface LetterOwner {
  namespace: string;
  /** Undefined: the message names no function. */
  functionName: string | undefined;
}

/**
 * The function that a letter is about. Letters of callbacks have it in their fields; one that names
 * none belongs to the platform's own namespace, where such calls are looked for, too.
 *
 * @param home the platform's own namespace
 */
export function ownerOf({ subject, fields }: ReadMessage, home: string): LetterOwner {
  const { name, namespace } = toReference(subject);
  if (name !== NOBODY.name) {
    return { namespace, functionName: name };
  }
  const { head } = readFields(fields);
  const [about, place] = [head["Plonk-Function"] ?? "", head["Plonk-Namespace"] ?? ""];
  return readLetter(fields).kind === "callback" && about !== "" && place !== ""
    ? { namespace: place, functionName: about }
    : { namespace: home, functionName: undefined };
}

/** A letter as lists have it. */
export function toSummary(message: ReadMessage, home: string): DeadLetterSummary {
  const letter = readLetter(message.fields);
  const { functionName, namespace } = ownerOf(message, home);
  const { id, status } = letter;
  return {
    sequence: message.sequence,
    kind: letter.kind,
    ...(id !== "" && { id }),
    ...(functionName !== undefined && { functionName }),
    namespace,
    reason: letter.reason,
    attempts: letter.attempts,
    ...(status !== 0 && { status }),
    diedAt: toTime(letter.diedAt),
    ...toMessageFields(message, letter),
  };
}

/** A letter with the beginning of the last answer. */
export function toDetail(message: ReadMessage, home: string): DeadLetterDetail {
  const { answer } = readLetter(message.fields);
  const text = toText(answer);
  return {
    ...toSummary(message, home),
    ...(answer.length > 0 &&
      (text === undefined ? { answerBase64: answer.toString("base64") } : { answer: text })),
  };
}

function toMessageFields(
  message: ReadMessage,
  { kind, id }: DeadLetter,
): Partial<DeadLetterSummary> {
  if (kind === "call") {
    const call = readCall(message);
    return call === undefined ? {} : toCallFields(call, id, message.bytes);
  }
  const { head } = readFields(message.fields);
  const stored = Number(head["Plonk-Body-Bytes"] ?? NaN);
  const host = kind === "callback" ? URL.parse(head["Plonk-Url"] ?? "")?.host : undefined;
  return {
    bytes: Number.isSafeInteger(stored) ? stored : message.bytes,
    ...(host !== undefined && { callbackHost: host }),
  };
}

/** Control characters that text does not have. */

const BINARY = /[\0-\x08\x0e-\x1f]/;

/** UTF-8, of which the end may be cut; undefined for other bytes. */
function toText(bytes: Buffer): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return BINARY.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
