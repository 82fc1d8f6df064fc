/** A message on the queue that is not ours. */

/** As OpenFaaS' own publishers write it, in Go. */
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
