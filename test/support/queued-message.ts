/** Calls and messages on the queue. */
import type { QueuedCall } from "../../contract/queue/index.ts";

/** A call of a function, with nothing that it need not have. */
export const LEAST_CALL: QueuedCall = {
  functionName: "f",
  method: "POST",
  path: "",
  query: "",
  host: undefined,
  headers: {},
  body: Buffer.alloc(0),
  callback: undefined,
};

/** A message as OpenFaaS' own publishers write it, in Go. */
export const FROM_GO = {
  Header: { "X-Call-Id": ["2749"] },
  Host: "127.0.0.1:8080",
  Body: "aGVsbG8=",
  Method: "PUT",
  Path: "/sub/path",
  QueryString: "q=1",
  Function: "cat.dev",
  CallbackUrl: {
    Scheme: "http",
    Opaque: "",
    User: null,
    Host: "127.0.0.1:7777",
    Path: "/cb",
    Fragment: "",
    RawQuery: "a=1",
    RawPath: "",
    ForceQuery: false,
  },
};
