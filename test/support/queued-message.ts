/** Calls and messages on the queue. */
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import {
  decodeCall,
  encodeCall,
  type Fields,
  type QueuedCall,
} from "../../contract/queue/index.ts";

/** A call of a function, with nothing that it need not have. */
export const LEAST_CALL: QueuedCall = {
  nonce: "AAAAAAAAAAAAAAAA",
  reference: { name: "f", namespace: "openfaas-fn" },
  acceptedAt: 1_795_906_000_000,
  method: "POST",
  path: "",
  query: "",
  host: undefined,
  headers: {},
  callback: undefined,
  retry: {},
  body: Buffer.alloc(0),
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

/** What the library of NATS has of a message's headers, and how it writes and reads them. */
type WireHeaders = MsgHdrs & { encode(): Uint8Array };
interface WireClass {
  decode(bytes: Uint8Array): WireHeaders;
}

/** Fields as they are once they have been bytes on a connection of NATS'. */
export function sendFields(fields: Fields): MsgHdrs {
  const head = headers() as WireHeaders;
  for (const [name, value] of fields) {
    head.append(name, value);
  }
  return (head.constructor as unknown as WireClass).decode(head.encode());
}

/** What a worker reads of a call that a gateway has written. */
export function recodeCall(call: QueuedCall): QueuedCall {
  const { fields, payload } = encodeCall(call);
  return decodeCall(sendFields(fields), payload);
}
