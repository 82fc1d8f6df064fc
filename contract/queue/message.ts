/**
 * One asynchronous call as it is written on the queue, in JSON. Go's field names: other OpenFaaS
 * publishers write the same.
 */
import { type Static, Type } from "typebox";
import { FUNCTION_SEGMENT, HTTP_TOKEN } from "../grammar.ts";

// A description is a noun phrase: it also tells, in an error, what was expected.

/** A serialized Go `url.URL`; of its fields, those that a callback's address is made of. */
const CallbackUrl = Type.Object(
  {
    Scheme: Type.String(),
    Host: Type.String(),
    Path: Type.Optional(Type.String()),
    RawQuery: Type.Optional(Type.String()),
  },
  { description: "the parts of a URL" },
);

/** What a body is, for errors. */
export const BODY_EXPECTATION = "base64 with its padding";

/** The message when fields that Go writes as null are left out. */
export const QueueMessage = Type.Object({
  Header: Type.Optional(
    Type.Record(
      Type.String(),
      Type.Array(Type.String({ description: "a string" }), { description: "a list of strings" }),
      { description: "lists of strings by name" },
    ),
  ),
  Host: Type.Optional(Type.String()),
  /** By decoding it is checked: a pattern would take milliseconds for the largest ones. */
  Body: Type.Optional(Type.String({ description: BODY_EXPECTATION })),
  Method: Type.Optional(Type.String({ pattern: HTTP_TOKEN, description: "an HTTP method" })),
  /** What follows `/async-function/<name>`; absent when empty. */
  Path: Type.Optional(
    Type.String({
      pattern: "^(/[\\x21-\\xff]*)?$",
      description: "an absolute path without blanks",
    }),
  ),
  QueryString: Type.Optional(
    Type.String({ pattern: "^[\\x21-\\xff]*$", description: "a query without blanks" }),
  ),
  /** The raw URL segment, `name` or `name.namespace`. */
  Function: Type.String({ pattern: FUNCTION_SEGMENT, description: "a name" }),
  CallbackUrl: Type.Optional(CallbackUrl),
});
export type QueueMessage = Static<typeof QueueMessage>;
