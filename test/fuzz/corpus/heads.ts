/**
 * Request lines and header lines at the edge of the grammar: line ends, folds, names, versions,
 * hosts, sizes (CVE-2023-30589, CVE-2024-27982).
 */
import { get, raw, seeds, SMUGGLED } from "./request.ts";

const line = "GET /function/x HTTP/1.1";

const lineEnds = seeds("line ends", {
  "bare LF everywhere": `${line}\nHost: h\n\n`,
  "bare LF after the request line": `${line}\nHost: h\r\n\r\n`,
  "bare LF after a header": `${line}\r\nHost: h\nX: y\r\n\r\n`,
  "bare LF at the end": `${line}\r\nHost: h\r\n\n`,
  "bare CR after a header": `${line}\r\nHost: h\rX: y\r\n\r\n`,
  "bare CR at the end": `${line}\r\nHost: h\r\n\r${SMUGGLED}`,
  "CR CR LF": `${line}\r\r\nHost: h\r\r\n\r\r\n`,
  "NUL in a value": get("/function/x", "X: a\0b"),
  "DEL in a value": get("/function/x", "X: a\x7fb"),
  "control in a value": get("/function/x", "X: a\x01b"),
  "CR LF before the request": `\r\n${get("/function/x")}`,
  "many CR LF before the request": `${"\r\n".repeat(20)}${get("/function/x")}`,
  "LF before the request": `\n${get("/function/x")}`,
  "space before the request": ` ${get("/function/x")}`,
  "NUL before the request": `\0${get("/function/x")}`,
  "CR LF between requests": `${get("/function/x")}\r\n${get("/function/x")}`,
  "garbage between requests": `${get("/function/x")}garbage\r\n\r\n${SMUGGLED}`,
});

const names = [
  ...["", " ", "X Y", "X\t", " X", "X(", "X/", "X[", "X\xff", "X\0", "X@", "X\u007f", '"X"', "X,Y"],
  ...["X_Y", "X.Y", "1", "-", "!#$%&'*+-.^_`|~", "__proto__", "constructor", "hasOwnProperty"],
];
const headerNames = names.flatMap((name) =>
  seeds("header names", { [JSON.stringify(name)]: get("/function/x", `${name}: v`) }),
);

const folds = seeds("obs-fold", {
  space: get("/function/x", "X: a\r\n b"),
  tab: get("/function/x", "X: a\r\n\tb"),
  "first line": `${line}\r\n Host: h\r\n\r\n`,
  "of Host": `${line}\r\nHost: h\r\n evil\r\n\r\n`,
  "of Content-Length": raw(
    "POST /function/x HTTP/1.1",
    ["Content-Length: 5\r\n 0"],
    `hello${SMUGGLED}`,
  ),
  empty: get("/function/x", "X: a\r\n \r\n\tb"),
  "no colon": get("/function/x", "no colon at all"),
  "only a colon": get("/function/x", ":"),
});

const hosts = [
  ...[
    "",
    "a b",
    "a/b",
    "a?b",
    "a#b",
    "a@b",
    "user:pw@h",
    "h:80",
    "h:",
    "h:x",
    "h:99999999",
    "[::1]",
  ],
  ...[
    "[::1",
    "h,h2",
    "h\\evil",
    "\xc3\xa9",
    "\xff",
    "127.0.0.1:8080",
    "a".repeat(5000),
    "%00",
    "h\t",
    "<h>",
  ],
];
const hostHeaders = hosts.flatMap((host) =>
  seeds("Host", { [JSON.stringify(host.slice(0, 20))]: `${line}\r\nHost: ${host}\r\n\r\n` }),
);
const hostCounts = seeds("Host", {
  missing: `${line}\r\n\r\n`,
  twice: `${line}\r\nHost: h\r\nHost: h2\r\n\r\n`,
  "same twice": `${line}\r\nHost: h\r\nhost: h\r\n\r\n`,
  "missing in 1.0": "GET /function/x HTTP/1.0\r\n\r\n",
  "apart from the target": get("http://other/function/x"),
});

const requestLines = [
  ...["GET /function/x", "GET", "", "GET  /function/x HTTP/1.1", "GET /function/x  HTTP/1.1"],
  ...["GET\t/function/x\tHTTP/1.1", "GET /function/x HTTP/1.1 ", "GET /function/x HTTP/1.2"],
  ...["GET /function/x HTTP/2.0", "GET /function/x HTTP/0.9", "GET /function/x HTTP/1.10"],
  ...["GET /function/x HTTP/01.1", "GET /function/x HTTP/1.", "GET /function/x http/1.1"],
  ...["GET /function/x HTTP/9.9", "GET /function/x HTTPS/1.1", "GET /function/x HTTP /1.1"],
  ...["GET /function/x ICE/1.0", "GET /function/x RTSP/1.0", "get /function/x HTTP/1.1"],
  ...["G\0T /function/x HTTP/1.1", "GE\xffT /function/x HTTP/1.1", "() /function/x HTTP/1.1"],
  ...["M-SEARCH /function/x HTTP/1.1", "FOO /function/x HTTP/1.1", "PRI * HTTP/2.0"],
  ...["SOURCE /function/x HTTP/1.1", "QUERY /function/x HTTP/1.1", "TRACE /function/x HTTP/1.1"],
  ...["CONNECT h:80 HTTP/1.1", "CONNECT /function/x HTTP/1.1", "OPTIONS * HTTP/1.1"],
  ...["PROPFIND /function/x HTTP/1.1", "PURGE /function/x HTTP/1.1", "PATCH /function/x HTTP/1.1"],
];
const lines = requestLines.flatMap((text) =>
  seeds("request line", { [JSON.stringify(text)]: raw(text, [], SMUGGLED) }),
);

const versions = seeds("versions", {
  "HTTP/0.9": "GET /function/x\r\n",
  "HTTP/1.0": raw("GET /function/x HTTP/1.0", [], SMUGGLED),
  "HTTP/1.0 kept alive": raw("GET /function/x HTTP/1.0", ["Connection: keep-alive"], SMUGGLED),
  "HTTP/2 preface": `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0`,
  "TLS hello": "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
  "PROXY protocol": `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n${get("/function/x")}`,
  SMTP: "EHLO x\r\n",
  nothing: "",
  NULs: "\0".repeat(200),
});

/** Headers of 1 KiB and less with which a head is so many bytes long. */
function toHeadOf(bytes: number): string[] {
  let left = bytes - get("/function/x").length;
  const headers: string[] = [];
  while (left > 0) {
    const length = left > 2048 ? 1024 : left;
    headers.push(`X: ${"a".repeat(length - 5)}`);
    left -= length;
  }
  return headers;
}

const sizes = seeds("sizes", {
  "header of 15 KB": get("/function/x", `X: ${"a".repeat(15_000)}`),
  "header of 70 KB": get("/function/x", `X: ${"a".repeat(70_000)}`),
  "name of 70 KB": get("/function/x", `${"a".repeat(70_000)}: v`),
  "head of 64 KiB": get("/function/x", ...toHeadOf(65_536)),
  "head of 64 KiB and a byte": get("/function/x", ...toHeadOf(65_537)),
  "1000 headers": get("/function/x", ...Array.from({ length: 999 }, (_, n) => `X-${n}: v`)),
  "1001 headers": get("/function/x", ...Array.from({ length: 1000 }, (_, n) => `X-${n}: v`)),
  "100 headers": get("/function/x", ...Array.from({ length: 100 }, (_, n) => `X-${n}: v`)),
  "1500 headers": get("/function/x", ...Array.from({ length: 1500 }, (_, n) => `X-${n}: v`)),
  "3000 headers": get("/function/x", ...Array.from({ length: 3000 }, () => "a:")),
  "one header 500 times": get("/function/x", ...Array.from({ length: 500 }, () => "Cookie: a=b")),
  "framing after 2100 headers": raw(
    "POST /function/x HTTP/1.1",
    [...Array.from({ length: 2100 }, () => "a:"), "Content-Length: 5"],
    `hello${SMUGGLED}`,
  ),
  "40 pipelined": get("/function/x").repeat(40),
});

export const heads = [
  ...lineEnds,
  ...headerNames,
  ...folds,
  ...hostHeaders,
  ...hostCounts,
  ...lines,
  ...versions,
  ...sizes,
];
