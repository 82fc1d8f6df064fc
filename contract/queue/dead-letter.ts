/** A dead letter: the message as it was, and why no worker tries it any more. */
import { type Fields, readFields, toOwnFields } from "./envelope.ts";

/** What there was to do: a call of a function, or the callback after it. */
export type LetterKind = "call" | "callback" | "malformed";

export interface DeadLetter {
  kind: LetterKind;
  /** Id of the call that it is about; empty where it was no call. */
  id: string;
  /** The subject on which it waited, to which it can be sent again. */
  subject: string;
  /** A phrase without callers' data. */
  reason: string;
  attempts: number;
  /** Of the last answer; 0: there was none. */
  status: number;
  /** Unix milliseconds. */
  diedAt: number;
  /** The beginning of the last answer. */
  answer: Buffer;
}

const PREFIX = "Plonk-Dead-";

/** The fields that a letter has beside those of its message. */
export function toLetterFields(letter: DeadLetter): Fields {
  return toOwnFields({
    [`${PREFIX}Kind`]: letter.kind,
    [`${PREFIX}Id`]: letter.id,
    [`${PREFIX}Subject`]: letter.subject,
    [`${PREFIX}Reason`]: letter.reason,
    [`${PREFIX}Attempts`]: String(letter.attempts),
    [`${PREFIX}Status`]: String(letter.status),
    [`${PREFIX}At`]: String(letter.diedAt),
    [`${PREFIX}Answer`]: letter.answer.toString("base64"),
  });
}

/** Reads those fields; of a message that is no letter, it is a malformed one. */
export function readLetter(fields: Iterable<[string, string[]]>): DeadLetter {
  const { head } = readFields(fields);
  const get = (name: string): string => head[PREFIX + name] ?? "";
  const kind = get("Kind");
  return {
    kind: kind === "call" || kind === "callback" ? kind : "malformed",
    id: get("Id"),
    subject: get("Subject"),
    reason: get("Reason"),
    attempts: toCount(get("Attempts")),
    status: toCount(get("Status")),
    diedAt: toCount(get("At")),
    answer: Buffer.from(get("Answer"), "base64"),
  };
}

/** Whoever wrote it: what is no whole number counts as 0, so that a letter can be shown. */
function toCount(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** A letter's message without what made it a letter. */
export function withoutLetter(fields: Iterable<[string, string[]]>): Fields {
  return [...fields].flatMap(([name, values]) =>
    name.startsWith(PREFIX) || name.startsWith("Nats-")
      ? []
      : values.map((value): [string, string] => [name, value]),
  );
}
