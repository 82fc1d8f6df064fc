/**
 * One asynchronous call on the queue. Go's field names: other OpenFaaS publishers write the
 * same.
 */
import { type Static, Type } from "typebox";

/** A serialized Go `url.URL`. */
const CallbackUrl = Type.Object({
  Scheme: Type.String(),
  Host: Type.String(),
  Path: Type.Optional(Type.String()),
  RawQuery: Type.Optional(Type.String()),
  Fragment: Type.Optional(Type.String()),
});

export const QueueMessage = Type.Object({
  Header: Type.Record(Type.String(), Type.Array(Type.String())),
  Host: Type.Optional(Type.String()),
  /** Base64. */
  Body: Type.Optional(Type.String()),
  Method: Type.Optional(Type.String()),
  /** What follows `/async-function/<name>`; absent when empty. */
  Path: Type.Optional(Type.String()),
  QueryString: Type.Optional(Type.String()),
  /** The raw URL segment, `name` or `name.namespace`. */
  Function: Type.String({ minLength: 1 }),
  CallbackUrl: Type.Optional(Type.Union([CallbackUrl, Type.Null()])),
});
export type QueueMessage = Static<typeof QueueMessage>;
