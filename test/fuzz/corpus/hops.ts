/**
 * What a proxy must not pass on or must not fall for: Connection lists, upgrades, expectations,
 * forged forwarding and credentials (CVE-2021-33197, CVE-2022-1388, CVE-2022-31813; h2c smuggling).
 */
import { get, post, raw, seeds, SMUGGLED } from "./request.ts";

const listed = [
  ...["X-Call-Id", "Host", "Content-Length", "Authorization", "close", "keep-alive, Authorization"],
  ...["X-Forwarded-For", "X-Forwarded-Host, X-Forwarded-Proto", "Transfer-Encoding", "Cookie, X-A"],
  ...[
    "X-Call-Id, Host, Content-Length, Authorization, close",
    "Upgrade",
    "Upgrade, HTTP2-Settings",
  ],
  ...[
    "te",
    "TE, trailers",
    "X-Start-Time",
    ",",
    ",,X-A,,",
    "X A",
    "X-A;q=1",
    '"X-A"',
    "X-A\tX-B",
    "\0",
  ],
  ...[
    "x-A",
    "Connection",
    "Expect",
    "Content-Type",
    "__proto__",
    "a".repeat(3000),
    "close, X-A, close",
  ],
];
const values = [
  ...["Authorization: Bearer t", "X-Call-Id: mine", "X-A: 1", "X-B: 2", "Cookie: c=d"],
  ...["X-Forwarded-Host: evil", "X-Forwarded-Proto: https", "X-Start-Time: 1"],
];
const connection = listed.flatMap((value) =>
  seeds("Connection", {
    [`GET ${JSON.stringify(value.slice(0, 40))}`]: get(
      "/function/x",
      `Connection: ${value}`,
      ...values,
    ),
    [`POST ${JSON.stringify(value.slice(0, 40))}`]: post(
      [`Connection: ${value}`, ...values, "Content-Length: 5"],
      `hello${SMUGGLED}`,
    ),
  }),
);
const connections = seeds("Connection", {
  "two headers": get("/function/x", "Connection: X-A", "Connection: X-B", ...values),
  "headers after it": get("/function/x", ...values, "Connection: X-A, X-B"),
  "Keep-Alive": get("/function/x", "Keep-Alive: timeout=99999", "Connection: keep-alive"),
  "Proxy-Connection": get("/function/x", "Proxy-Connection: close", "Proxy-Authorization: Basic a"),
  TE: get("/function/x", "TE: trailers, deflate", "Connection: TE"),
  "close, then a request": `${get("/function/x", "Connection: close")}${SMUGGLED}`,
});

const webSocket = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];
const upgrades = seeds("upgrade", {
  websocket: get("/function/x", ...webSocket),
  "websocket, then a request": `${get("/function/x", ...webSocket)}${SMUGGLED}`,
  "websocket with a body": raw(
    "GET /function/x HTTP/1.1",
    [...webSocket, "Content-Length: 5"],
    `hello${SMUGGLED}`,
  ),
  "websocket with chunks": raw(
    "GET /function/x HTTP/1.1",
    [...webSocket, "Transfer-Encoding: chunked"],
    `5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`,
  ),
  POST: post([...webSocket, "Content-Length: 5"], `hello${SMUGGLED}`),
  "PUT without body": raw("PUT /function/x HTTP/1.1", webSocket, SMUGGLED),
  "bad version": get("/function/x", "Connection: Upgrade", "Upgrade: websocket\xff"),
  "to the system": get("/system/functions", ...webSocket),
  "out of a function": get("/function/x/../../system/functions", ...webSocket),
  "of an absolute target": get("http://h/function/x", ...webSocket),
  "in HTTP/1.0": raw("GET /function/x HTTP/1.0", webSocket, SMUGGLED),
  "not listed": `${get("/function/x", "Upgrade: websocket")}${SMUGGLED}`,
  h2c: get(
    "/function/x",
    "Connection: Upgrade, HTTP2-Settings",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
  ),
  "h2c without settings": `${get("/function/x", "Connection: Upgrade", "Upgrade: h2c")}PRI * HTTP/2.0`,
  "h2c with a body": post(
    ["Connection: Upgrade", "Upgrade: h2c", "Content-Length: 5"],
    `hello${SMUGGLED}`,
  ),
  "to several": get("/function/x", "Connection: Upgrade", "Upgrade: websocket, h2c, foo/2"),
  TLS: get("/function/x", "Connection: Upgrade", "Upgrade: TLS/1.0"),
  empty: get("/function/x", "Connection: Upgrade", "Upgrade:"),
  "CR in the protocol": get("/function/x", "Connection: Upgrade", "Upgrade: web\rsocket"),
});

const expectations = seeds("Expect", {
  "100-continue": post(["Expect: 100-continue", "Content-Length: 5"], "hello"),
  "100-continue, no body yet": post(["Expect: 100-continue", "Content-Length: 5"], ""),
  "100-continue without a body": get("/function/x", "Expect: 100-continue"),
  unknown: get("/function/x", "Expect: 200-ok"),
  twice: post(["Expect: 100-continue", "Expect: 100-continue", "Content-Length: 5"], "hello"),
  capitals: post(["EXPECT: 100-CONTINUE", "Content-Length: 5"], "hello"),
  "with a list": post(["Expect: 100-continue, foo", "Content-Length: 5"], `hello${SMUGGLED}`),
  "in HTTP/1.0": raw(
    "POST /function/x HTTP/1.0",
    ["Expect: 100-continue", "Content-Length: 5"],
    "hello",
  ),
  "of a refused call": raw(
    "POST /function/none HTTP/1.1",
    ["Expect: 100-continue", "Content-Length: 9"],
    `a${SMUGGLED}`,
  ),
});

const forged = seeds("forged", {
  "X-Forwarded-*": get("/function/x", "X-Forwarded-Host: evil", "X-Forwarded-Proto: gopher"),
  "X-Call-Id of 10 KB": get("/function/x", `X-Call-Id: ${"c".repeat(10_000)}`),
  "X-Call-Id with bytes": get("/function/x", "X-Call-Id: \xff\xfe\x80"),
  "X-Call-Id twice": get("/function/x", "X-Call-Id: a", "X-Call-Id: b"),
  "content type with bytes": get("/function/x", "Content-Type: \xff\x80"),
  "wrong password": get("/system/functions", "Authorization: Basic YWRtaW46d3Jvbmc="),
  "empty password": get("/system/functions", "Authorization: Basic YWRtaW46"),
  "broken base64": get("/system/functions", "Authorization: Basic ====\xff"),
  "no scheme": get("/system/functions", "Authorization: YWRtaW46d3Jvbmc="),
  bearer: get("/system/functions", "Authorization: Bearer eyJhbGciOiJub25lIn0.e30."),
  twice: get("/system/functions", "Authorization: Basic YQ==", "Authorization: Basic Yg=="),
  "method override": get(
    "/function/x",
    "X-HTTP-Method-Override: DELETE",
    "X-Original-URL: /system",
  ),
});

export const hops = [...connection, ...connections, ...upgrades, ...expectations, ...forged];
