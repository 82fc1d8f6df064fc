/** Bodies of the gateway's REST API about asynchronous calls and dead letters. */
import { type Static, type TString, Type } from "typebox";
import { CALL_STATES } from "./queue/state-names.ts";

function Time(description: string): TString {
  return Type.String({ format: "date-time", description });
}

const FUNCTION = {
  functionName: Type.Optional(
    Type.String({ description: "the function's name; absent where the message names none" }),
  ),
  namespace: Type.String({ description: "the function's namespace" }),
};

/** Of a call whose message is there, in the queue or in a dead letter. */
const CALL = {
  callId: Type.Optional(
    Type.String({ description: "the caller's X-Call-Id, or the id where it sent none" }),
  ),
  acceptedAt: Type.Optional(Time("when the gateway accepted it")),
  expiresAt: Type.Optional(Time("when it is given up unless it has begun")),
  method: Type.Optional(Type.String({ description: "the HTTP method" })),
  path: Type.Optional(
    Type.String({ description: "what follows the function's name, without the query" }),
  ),
  bytes: Type.Optional(Type.Integer({ description: "size of its body" })),
};

/** GET `/async/calls/{id}`, and elements of the list. Of a call that is over little is kept. */
export const AsyncCall = Type.Object(
  {
    id: Type.String({ description: "the end of the Location that its caller was answered" }),
    ...FUNCTION,
    state: Type.Enum([...CALL_STATES], { description: "where it is; the last four are final" }),
    attempts: Type.Integer({ minimum: 0, description: "runs that have failed" }),
    status: Type.Optional(Type.Integer({ description: "HTTP status of the last answer" })),
    reason: Type.Optional(Type.String({ description: "why it is run again, or dead" })),
    nextAt: Type.Optional(Time("when it is run, or run again")),
    deadLetter: Type.Optional(
      Type.Integer({ description: "the number of its dead letter, where one call is shown" }),
    ),
    ...CALL,
  },
  { title: "AsyncCall" },
);
export type AsyncCall = Static<typeof AsyncCall>;

const LETTER = {
  sequence: Type.Integer({ description: "its number" }),
  kind: Type.Enum(["call", "callback", "malformed"], {
    description: "a call, an answer for its caller, or a message that is neither",
  }),
  id: Type.Optional(Type.String({ description: "id of the call that it is about" })),
  ...FUNCTION,
  reason: Type.String({ description: "why nobody tries it any more" }),
  attempts: Type.Integer({ minimum: 0, description: "runs that have failed" }),
  status: Type.Optional(Type.Integer({ description: "HTTP status of the last answer" })),
  diedAt: Time("since when it is a dead letter"),
  ...CALL,
  callbackHost: Type.Optional(
    Type.String({ description: "where an answer was to go; the path may be a secret" }),
  ),
};

/** An element of GET `/async/dead-letters`. */
export const DeadLetterSummary = Type.Object(LETTER, { title: "DeadLetterSummary" });
export type DeadLetterSummary = Static<typeof DeadLetterSummary>;

/** GET `/async/dead-letters/{sequence}`: never the request's headers or body. */
export const DeadLetterDetail = Type.Object(
  {
    ...LETTER,
    answer: Type.Optional(
      Type.String({ description: "the beginning of the last answer, where it is text" }),
    ),
    answerBase64: Type.Optional(
      Type.String({ description: "the beginning of the last answer, where it is no text" }),
    ),
  },
  { title: "DeadLetterDetail" },
);
export type DeadLetterDetail = Static<typeof DeadLetterDetail>;

/** POST `/async/dead-letters/{sequence}/redrive`. */
export const RedrivenLetter = Type.Object(
  { id: Type.Optional(Type.String({ description: "id of the call, which is a new one" })) },
  { title: "RedrivenLetter" },
);
export type RedrivenLetter = Static<typeof RedrivenLetter>;

/** POST `/async/dead-letters/redrive`. */
export const RedriveResult = Type.Object(
  {
    redriven: Type.Integer({ description: "letters that are in the queue again" }),
    refused: Type.Integer({ description: "letters that stay, as no call can be made of them" }),
    next: Type.Optional(
      Type.Integer({ description: "there may be more: what to send as `after`" }),
    ),
  },
  { title: "RedriveResult" },
);
export type RedriveResult = Static<typeof RedriveResult>;

/** DELETE `/async/dead-letters`. */
export const PurgeResult = Type.Object(
  {
    deleted: Type.Integer({ description: "letters that are gone" }),
    isComplete: Type.Boolean({ description: "false: there are more, to be asked for again" }),
  },
  { title: "PurgeResult" },
);
export type PurgeResult = Static<typeof PurgeResult>;
