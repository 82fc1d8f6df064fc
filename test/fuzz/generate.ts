/**
 * Cases by seed and number: requests built from parts, or a seed of the corpus, then damaged byte
 * by byte and cut into several writes.
 */
import * as fc from "fast-check";
import type { Framed } from "./corpus/bodies.ts";
import { corpus } from "./corpus/index.ts";
import { SMUGGLED } from "./corpus/request.ts";
import type { RawCase } from "./drive.ts";

export const oftenThen = <T>(usual: readonly T[], odd: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 25, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: odd });

export const bytes = fc
  .uint8Array({ minLength: 0, maxLength: 12 })
  .map((array) => Buffer.from(array).toString("latin1"));

const methods = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
const method = oftenThen(methods, fc.oneof(bytes, fc.constantFrom("TRACE", "CONNECT", "M-SEARCH")));

const segment = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("a", "x", "b;c=d", "%2F", "%25", "system", "a%2e") },
  { weight: 2, arbitrary: fc.constantFrom("", ".", "..", "%2e%2e", "..%2f", "%00", "%zz", "\\") },
  { weight: 1, arbitrary: bytes },
);
export const rest = fc
  .array(segment, { maxLength: 3 })
  .map((parts) => parts.map((p) => `/${p}`).join(""));
const prefix = fc.constantFrom(
  ...["/function/x", "/function/x", "/function/x", "/function/x", "/function/x", "/function/y"],
  ...["/function/x", "/function/x", "/function/y", "/function/y", "/function", "/function/none"],
  ...[
    "/system",
    "/system/functions",
    "//function/x",
    "/function/../system",
    "",
    "/async-function/x",
  ],
  ...["http://h/function/x", "http://h", "/function/x.openfaas-fn", "/healthz", "*", "/ui"],
);
export const query = oftenThen(
  ["", "", "?a=b", "?", "?%41", "?a=/../.."],
  fc.oneof(bytes, fc.constantFrom("?#", "?%zz", "#")),
);
const target = fc.tuple(prefix, rest, query).map((parts) => parts.join(""));

const version = oftenThen(["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"], bytes);
export const host = oftenThen(["Host: h", "Host: h", "Host: h:80", "host: H"], bytes);

const framingHeader = fc.constantFrom(
  ...["Content-Length: 5", "Content-Length: 0", "Content-Length: 05", "Content-Length: +5"],
  ...["Content-Length: 5, 5", "Content-Length: 70", "Content-Length : 5", "Content_Length: 5"],
  ...[
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "transfer-encoding:chunked",
  ],
  ...["Transfer-Encoding:\tchunked", "Transfer-Encoding: identity", "Transfer-Encoding: xchunked"],
);
const hopHeader = fc.constantFrom(
  ...[
    "Connection: close",
    "Connection: keep-alive",
    "Connection: X-A, Authorization",
    "TE: trailers",
  ],
  ...["Connection: X-Call-Id, Host, Content-Length, close", "Connection: Transfer-Encoding"],
  ...["Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c", "Expect: 100-continue"],
  ...["Keep-Alive: timeout=5", "Proxy-Connection: close", "Trailer: X-T", "Expect: x"],
);
const plainHeader = fc.constantFrom(
  ...[
    "X-A: 1",
    "Authorization: Basic YTpi",
    "X-Call-Id: c",
    "Cookie: a=b",
    "Accept: application/json",
  ],
  ...[
    "X-Forwarded-Host: evil",
    "X-Forwarded-Proto: x",
    "Content-Type: text/plain",
    "X_A: 2",
    "X-Empty:",
  ],
  ...["X-Callback-Url: http://127.0.0.1:1/", "Accept-Encoding: gzip", "User-Agent: fuzz"],
);
const oddHeader = fc.tuple(bytes, fc.constantFrom(": ", ":", " : ", "\t:"), bytes);
export const header = fc.oneof(
  { weight: 20, arbitrary: plainHeader },
  { weight: 12, arbitrary: hopHeader },
  { weight: 1, arbitrary: framingHeader },
  { weight: 1, arbitrary: oddHeader.map((parts) => parts.join("")) },
);

const chunk = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.constantFrom("5\r\nhello\r\n", "a\r\n0123456789\r\n", "1;e=f\r\nx\r\n"),
  },
  { weight: 1, arbitrary: bytes },
  {
    weight: 1,
    arbitrary: fc.constantFrom("-5\r\nhello\r\n", "5\nhello\r\n", "ffffffffffffffff\r\n"),
  },
);
const lastChunk = fc.constantFrom(
  ...[
    "0\r\n\r\n",
    "0\r\n\r\n",
    "0\r\n\r\n",
    "0\r\nX-T: 1\r\n\r\n",
    "0\r\n",
    "",
    "00000\r\n\r\n",
    "0\n\n",
  ],
);

const none: fc.Arbitrary<Framed> = fc.constant({ headers: [], body: "" });
const counted: fc.Arbitrary<Framed> = fc
  .oneof({ weight: 5, arbitrary: bytes }, { weight: 1, arbitrary: fc.constant("b".repeat(70_000)) })
  .map((body) => ({ headers: [`Content-Length: ${body.length}`], body }));
const chunked: fc.Arbitrary<Framed> = fc
  .tuple(fc.array(chunk, { maxLength: 3 }), lastChunk)
  .map(([chunks, last]) => ({
    headers: ["Transfer-Encoding: chunked"],
    body: chunks.join("") + last,
  }));
const confused: fc.Arbitrary<Framed> = fc
  .tuple(fc.array(framingHeader, { minLength: 1, maxLength: 2 }), fc.array(chunk), lastChunk)
  .map(([headers, chunks, last]) => ({ headers, body: `${chunks.join("")}${last}${SMUGGLED}` }));
export const framed = fc.oneof(
  { weight: 4, arbitrary: none },
  { weight: 3, arbitrary: counted },
  { weight: 3, arbitrary: chunked },
  { weight: 1, arbitrary: confused },
);

export const lineEnd = oftenThen(
  ["\r\n", "\r\n", "\r\n", "\r\n", "\r\n"],
  fc.constantFrom("\n", "\r", "\r\n "),
);

export interface Parts {
  line: string[];
  host: string;
  headers: string[];
  framed: Framed;
  lineEnd: string;
}

export function toText({
  line,
  host: hostLine,
  headers,
  framed: body,
  lineEnd: end,
}: Parts): string {
  const lines = [line.join(" "), hostLine, ...headers, ...body.headers];
  return `${lines.join("\r\n")}${end}\r\n${body.body}`;
}

const request = fc
  .record({
    line: fc.tuple(method, target, version),
    host,
    headers: fc.array(header, { maxLength: 4 }),
    framed,
    lineEnd,
  })
  .map(toText);

const seed = fc.constantFrom(...corpus.map(({ raw }) => raw));

export const base = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(request, { minLength: 1, maxLength: 3 }).map((r) => r.join("")),
  },
  { weight: 3, arbitrary: seed },
  { weight: 1, arbitrary: fc.tuple(seed, request).map((two) => two.join("")) },
);

const scraps = [
  ...[
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\t",
    " ",
    ":",
    ",",
    ";",
    "/",
    "..",
    "%2e",
    "\xff",
    "\v",
    "#",
    "?",
    "0",
  ],
  ...[
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "\r\n\r\n",
    "Connection: close\r\n",
  ],
  ...[
    "0\r\n\r\n",
    " HTTP/1.1\r\n",
    "Host: z\r\n",
    "/../system/functions",
    "Upgrade: websocket\r\n",
  ],
];

/** A fraction, anywhere alike: fast-check prefers the ends of ranges otherwise. */
const place = fc.noBias(fc.integer({ min: 0, max: 999_999 })).map((number) => number / 1_000_000);

const mutation = fc.record({
  kind: fc.constantFrom("insert", "replace", "delete", "repeat", "flip"),
  at: place,
  length: fc.integer({ min: 1, max: 8 }),
  scrap: fc.oneof(fc.constantFrom(...scraps), bytes),
});
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

/** Damages a text in one place. */
function mutate(text: string, { kind, at, length, scrap }: Mutation): string {
  const start = Math.floor(at * text.length);
  const end = start + length;
  const [head, middle, tail] = [text.slice(0, start), text.slice(start, end), text.slice(end)];
  switch (kind) {
    case "insert":
      return head + scrap + middle + tail;
    case "replace":
      return head + scrap + tail;
    case "delete":
      return head + tail;
    case "repeat":
      return head + middle + middle + tail;
    default:
      return head + String.fromCharCode((middle.charCodeAt(0) || 0) ^ (1 << (length - 1))) + tail;
  }
}

/** Cuts a text at fractions of its length. */
export function cut(text: string, places: readonly number[]): string[] {
  const offsets = [...places].sort((a, b) => a - b).map((place) => Math.floor(place * text.length));
  const parts = [0, ...offsets].map((from, index) => text.slice(from, offsets[index]));
  return parts.filter((part) => part !== "");
}

/** @param undamaged how many texts stay as they are, where three are damaged */
function toDamages(undamaged: number): fc.Arbitrary<Mutation[]> {
  return fc.oneof(
    { weight: undamaged, arbitrary: fc.constant<Mutation[]>([]) },
    { weight: 3, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 3 }) },
  );
}
const cuts = fc.oneof(
  { weight: 4, arbitrary: fc.constant<number[]>([]) },
  { weight: 1, arbitrary: fc.array(place, { maxLength: 4 }) },
);
/** Lets a connection that is still in order end at once; where it is not, it is more to smuggle. */
const FAREWELL = "GET /healthz?end HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

/**
 * Texts that are damaged, cut, and perhaps followed by a farewell.
 *
 * @param undamaged how many stay as they are, where three are damaged
 */
export function toCases(texts: fc.Arbitrary<string>, undamaged: number): fc.Arbitrary<RawCase> {
  return fc
    .tuple(texts, toDamages(undamaged), cuts, fc.constantFrom("", FAREWELL, FAREWELL))
    .map(([text, damage, places, ending]) => ({
      parts: cut(damage.reduce(mutate, text) + ending, places),
    }));
}

const rawCase = toCases(base, 2);

/** Cases are made in blocks of this length, each from a seed of its own. */
export const BLOCK = 1000;

/** The cases of a block: the same for the same seed and block. */
export function generateBlock(seedNumber: number, block: number): RawCase[] {
  return sampleBlock(rawCase, seedNumber, block);
}

/** As many cases as a block has. */
export function sampleBlock(
  cases: fc.Arbitrary<RawCase>,
  seedNumber: number,
  block: number,
): RawCase[] {
  return fc.sample(cases, { seed: (seedNumber + block * 7919) | 0, numRuns: BLOCK });
}
