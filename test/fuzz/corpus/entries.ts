/**
 * The four entries, each with the names that plain objects have already: of headers, of parameters,
 * of parts of the path, of functions, and of keys in JSON.
 */
import { WEB_SOCKET } from "../../support/http-client.ts";
import { toChunked, toCounted, toGzip, toWrongLength } from "./bodies.ts";
import { CREDENTIALS } from "./credentials.ts";
import { DANGEROUS } from "./names.ts";
import { get, raw, type Seed, seeds, SMUGGLED } from "./request.ts";

/** Where a request goes, and what makes it one of the entry. */
interface Form {
  path: string;
  headers: readonly string[];
}

const FORMS: Readonly<Record<string, Form>> = {
  sync: { path: "/function/x", headers: [] },
  async: { path: "/async-function/x", headers: [] },
  upgrade: { path: "/function/x", headers: WEB_SOCKET },
  REST: { path: "/system/functions", headers: [] },
};

const close = "Connection: close";

/** A method with a body, where the entry takes one. */
function send(entry: string, path: string, headers: readonly string[]): string {
  const own = FORMS[entry]?.headers ?? [];
  const body = toCounted('{"service":"z","image":"z/z:1"}');
  return entry === "upgrade"
    ? get(path, ...headers, ...own)
    : raw(`POST ${path} HTTP/1.1`, [...headers, ...own, ...body.headers], body.body);
}

function ofName(entry: string, name: string, credentials: readonly string[] = []): Seed[] {
  const { path, headers } = FORMS[entry] ?? { path: "/", headers: [] };
  const prefix = path.slice(0, path.lastIndexOf("/") + 1);
  return seeds(`${entry} ${name}`, {
    header: get(path, `${name}: v`, ...credentials, ...headers),
    "header, then a close": get(path, `${name}: v`, ...credentials, ...headers, close),
    "header twice": send(entry, path, [`${name}: a`, `${name}: b`, ...credentials]),
    "header in capitals": send(entry, path, [`${name.toUpperCase()}: v`, ...credentials]),
    "empty header": send(entry, path, [`${name}:`, ...credentials]),
    "listed in Connection": get(path, `${name}: v`, `Connection: ${name}`, ...credentials),
    parameters: send(entry, `${path}?${name}=1&${name}[${name}]=2&${name}`, credentials),
    "part of the path": send(entry, `${path}/${name}/${name}`, credentials),
    "function's name": send(entry, `${prefix}${name}`, credentials),
    "function and namespace": send(entry, `${prefix}${name}.${name}`, credentials),
    "value of everything": send(entry, path, [
      ...["Content-Type", "Cookie", "Accept", "Origin", "X-Call-Id", "X-Callback-Url"].map(
        (header) => `${header}: ${name}`,
      ),
      ...["Idempotency-Key", "X-Retry", "X-Delay-Seconds", "User-Agent"].map(
        (header) => `${header}: ${name}`,
      ),
      ...credentials,
    ]),
  });
}

const names = Object.keys(FORMS).flatMap((entry) => DANGEROUS.flatMap((n) => ofName(entry, n)));

const body = "a body of thirty-two characters.";
const framings = {
  counted: toCounted(body),
  chunked: toChunked(body),
  gzip: toGzip(body),
  "too long a length": toWrongLength(body, 5),
  "too short a length": toWrongLength(body, -5),
  empty: toCounted(""),
  "300 KB": toCounted("b".repeat(300_000)),
  "300 KB in chunks": toChunked("b".repeat(300_000), 40_000),
};
const asynchronous = Object.entries(framings).flatMap(([name, { headers, body: bytes }]) =>
  seeds(`async body, ${name}`, {
    POST: raw("POST /async-function/x HTTP/1.1", headers, bytes),
    "GET, closed": raw("GET /async-function/y/a?b HTTP/1.1", [...headers, close], bytes),
    "to nobody": raw("PUT /async-function/none HTTP/1.1", headers, bytes),
    "then a request": raw("POST /async-function/y HTTP/1.1", headers, bytes + SMUGGLED),
    "that is expected": raw(
      "POST /async-function/x HTTP/1.1",
      ["Expect: 100-continue", ...headers],
      bytes,
    ),
  }),
);

const frames = "\x81\x85\0\0\0\0hello";
const closing = "\x88\x80\0\0\0\0";
const webSockets = seeds("WebSocket", {
  "a message": get("/function/x", ...WEB_SOCKET) + frames + closing,
  "a request as a message": `${get("/function/x", ...WEB_SOCKET)}${SMUGGLED}${closing}`,
  "of a function that refuses": get("/function/x?refuse", ...WEB_SOCKET) + closing,
  "of a private function": get("/function/prototype", ...WEB_SOCKET) + closing,
  "behind a call": get("/function/y") + get("/function/x", ...WEB_SOCKET) + frames + closing,
  asynchronous: get("/async-function/x", ...WEB_SOCKET) + frames,
  "a frame of 2^63 bytes": `${get("/function/x", ...WEB_SOCKET)}\x82\xff${"\xff".repeat(12)}`,
});

/** Without credentials that are right. */
export const entrySeeds: readonly Seed[] = [...names, ...asynchronous, ...webSockets];

const documents = DANGEROUS.flatMap((name) => [
  `{"service":"z","image":"z/z:1","labels":{"${name}":"a"},"annotations":{"${name}":"b"}}`,
  `{"service":"z","image":"z/z:1","envVars":{"${name}":"a"},"limits":{"${name}":"1"}}`,
  `{"service":"z","image":"z/z:1","secrets":["${name}"],"constraints":["${name}"]}`,
  `{"service":"${name}","image":"${name}/${name}:1"}`,
  `{"${name}":{"service":"z"},"service":"z","image":"z/z:1"}`,
  `{"${name}":{"${name}":{"${name}":1}}}`,
  `{"functionName":"${name}"}`,
  `{"name":"${name}","value":"${name}"}`,
  `{"serviceName":"${name}","replicas":1}`,
  `{"alerts":[{"status":"firing","labels":{"function_name":"${name}","${name}":"a"}}]}`,
]);
const places = [
  ...["POST /system/functions", "PUT /system/functions", "DELETE /system/functions"],
  ...["POST /system/secrets", "DELETE /system/secrets", "POST /system/alert"],
  "POST /system/scale-function/z",
];
const written = documents.flatMap((text) =>
  places.flatMap((place) => {
    const { headers, body: bytes } = toCounted(text);
    const lines = [CREDENTIALS, "Content-Type: application/json", ...headers, close];
    return seeds(`REST ${place}`, { [text]: raw(`${place} HTTP/1.1`, lines, bytes) });
  }),
);

/** With the administrator's credentials. */
export const adminSeeds: readonly Seed[] = [
  ...Object.keys(FORMS).flatMap((entry) =>
    DANGEROUS.flatMap((n) => ofName(entry, n, [CREDENTIALS])),
  ),
  ...written,
  ...seeds("private", {
    call: get("/function/prototype/a", CREDENTIALS),
    "queued call": send("async", "/async-function/prototype", [CREDENTIALS]),
    upgrade: get("/function/prototype", CREDENTIALS, ...WEB_SOCKET) + frames + closing,
  }),
];
