/**
 * Cases for the gateway's four entries, by seed and number: calls, queued calls, upgrades and REST,
 * with names that plain objects have already, and with bodies framed in every way. Every fifth
 * block has the administrator's credentials.
 */
import * as fc from "fast-check";
import { CREDENTIALS } from "./corpus/credentials.ts";
import { adminSeeds, entrySeeds, type Seed } from "./corpus/index.ts";
import { DANGEROUS } from "./corpus/names.ts";
import type { RawCase } from "./drive.ts";
import {
  base,
  bytes,
  framed,
  header,
  host,
  lineEnd,
  oftenThen,
  rest,
  sampleBlock,
  toCases,
  toText,
} from "./generate.ts";
import { type Aim, aptAims, latin, nothing, toFramed } from "./generate-rest.ts";

const dangerous = fc.constantFrom(...DANGEROUS);

const anyName = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("x", "x", "y", "constructor", "prototype") },
  { weight: 2, arbitrary: dangerous },
  {
    weight: 1,
    arbitrary: fc.constantFrom("none", "z", "x.openfaas-fn", "constructor.openfaas-fn"),
  },
);
const path = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("", "", "/", "/a", "/b;c=d/%2F") },
  { weight: 1, arbitrary: rest },
  { weight: 2, arbitrary: fc.array(dangerous, { maxLength: 3 }).map((all) => toPath(all)) },
);
const parameter = fc
  .tuple(dangerous, fc.constantFrom("", "=", "=1", "[]=1", "[a]=b", "[__proto__][a]=b"))
  .map((parts) => parts.join(""));
const parameters = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("", "?", "?a=b", "?refuse", "?namespace=openfaas-fn") },
  {
    weight: 2,
    arbitrary: fc.array(parameter, { minLength: 1, maxLength: 3 }).map((p) => `?${p.join("&")}`),
  },
);

function toPath(parts: readonly string[]): string {
  return parts.map((part) => `/${part}`).join("");
}

const dangerousHeader = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: dangerous },
      { weight: 1, arbitrary: dangerous.map((name) => name.toUpperCase()) },
    ),
    fc.oneof(fc.constantFrom("", "1", "a, b", "[object Object]"), dangerous),
  )
  .map(([name, value]) => `${name}: ${value}`);
/** Headers that choose something by their value, which may be such a name. */
const choosingHeader = fc
  .tuple(
    fc.constantFrom(
      ...["Content-Type", "Accept", "Cookie", "Origin", "X-Call-Id", "Connection", "Trailer"],
      ...["Accept-Encoding", "Access-Control-Request-Method", "Sec-Fetch-Site", "Forwarded"],
    ),
    dangerous,
  )
  .map((parts) => parts.join(": "));
const queueHeader = fc.constantFrom(
  ...["Idempotency-Key: a", "Idempotency-Key: __proto__", "X-Delay-Seconds: 5"],
  ...["X-Callback-Url: http://127.0.0.1:1/", "X-Callback-Url: http://gateway:8080/function/y"],
  ...["X-Expires-Seconds: 60", "X-Keep-Result-Seconds: 60", "X-Delay-Seconds: -1", "X-Retry: 3"],
);
const headers = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: dangerousHeader },
    { weight: 1, arbitrary: choosingHeader },
    { weight: 1, arbitrary: queueHeader },
    { weight: 2, arbitrary: header },
  ),
  { maxLength: 4 },
);

const version = oftenThen(["HTTP/1.1"], fc.constantFrom("HTTP/1.0", "HTTP/1.2"));
const bodies = fc.oneof(
  { weight: 2, arbitrary: framed },
  { weight: 3, arbitrary: toFramed(fc.oneof(latin, bytes)) },
);

/** @param own the headers that the entry needs */
function toRequests(
  aims: fc.Arbitrary<Aim>,
  own: fc.Arbitrary<readonly string[]>,
): fc.Arbitrary<string> {
  return fc
    .record({ aim: aims, version, host, headers, own, lineEnd })
    .map(({ aim, headers: some, own: more, ...others }) =>
      toText({
        ...others,
        line: [aim.method, aim.target, others.version],
        headers: [...some, ...more],
        framed: aim.framed,
      }),
    );
}

const call = (prefix: string): fc.Arbitrary<string> =>
  fc.tuple(anyName, path, parameters).map((parts) => `/${prefix}/${parts.join("")}`);
const restTarget = fc
  .tuple(
    fc.constantFrom(
      ...["/system/functions", "/system/functions", "/system/functions", "/system/secrets"],
      ...["/system/function/z", "/system/function/x", "/system/scale-function/z", "/system/alert"],
      ...["/system/namespaces", "/system/namespace/z", "/system/info", "/system/queue"],
      ...["/system/logs?name=z", "/system/function-stats", "/async/calls", "/async/dead-letters"],
      ...["/async/calls/1-abcdefghijklmnop", "/system/function", "/async/dead-letters/1", "/store"],
    ),
    fc.oneof({ weight: 4, arbitrary: fc.constant("") }, { weight: 1, arbitrary: path }),
    parameters,
  )
  .map((parts) => parts.join(""));

const socketHeader = fc.constantFrom(
  ...["Connection: Upgrade", "Connection: keep-alive, Upgrade", "Upgrade: websocket"],
  ...["Upgrade: h2c", "Sec-WebSocket-Version: 8", "Sec-WebSocket-Key: c2hvcnQ="],
  ...["Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Protocol: __proto__"],
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
);
const good = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
const withKey = [...good, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
const handshake = fc.oneof(
  { weight: 8, arbitrary: fc.constant(withKey) },
  { weight: 2, arbitrary: socketHeader.map((more) => [...withKey, more]) },
  { weight: 1, arbitrary: fc.constant(good) },
  { weight: 1, arbitrary: fc.array(socketHeader, { minLength: 1, maxLength: 4 }) },
);
const frame = fc.oneof(
  fc.constantFrom(
    ...["\x81\x85\0\0\0\0hello", "\x82\x80\0\0\0\0", "\x89\x80\0\0\0\0", "\x01\x81\0\0\0\0a"],
    ...["\x80\x81\0\0\0\0b", "\x81\x05hello", "\x82\xff\x7f\0\0\0\0\0\0\0", "\xff\xff", "\x83\x80"],
  ),
  bytes,
);
const frames = fc
  .tuple(fc.array(frame, { maxLength: 3 }), oftenThen(["\x88\x80\0\0\0\0"], fc.constant("")))
  .map(([all, last]) => all.join("") + last);

const upgradable = fc
  .tuple(fc.constantFrom("x", "x", "y", "constructor"), path, parameters)
  .map((parts) => `/function/${parts.join("")}`);
const handshakeTarget = fc.oneof(
  { weight: 10, arbitrary: upgradable },
  { weight: 3, arbitrary: call("function") },
  { weight: 1, arbitrary: call("async-function") },
  { weight: 1, arbitrary: restTarget },
);

interface Kind {
  credentials: readonly string[];
  seeds: readonly Seed[];
  /** How often REST is asked; the others together have 17. */
  weightOfRest: number;
}

function toTexts({ credentials, seeds, weightOfRest }: Kind): fc.Arbitrary<string> {
  const own = fc.constant([...credentials]);
  const methods = ["GET", "POST", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
  const toAims = (target: fc.Arbitrary<string>): fc.Arbitrary<Aim> =>
    fc.record({ method: fc.constantFrom(...methods), target, framed: bodies });
  const sync = toRequests(toAims(call("function")), own);
  const queued = toRequests(toAims(call("async-function")), own);
  const handshakes = fc.record({
    method: fc.constantFrom("GET", "GET", "GET", "GET", "GET", "GET", "GET", "POST"),
    target: handshakeTarget,
    framed: fc.oneof({ weight: 15, arbitrary: nothing }, { weight: 1, arbitrary: bodies }),
  });
  const upgrade = fc
    .tuple(
      toRequests(
        handshakes,
        handshake.map((lines) => [...lines, ...credentials]),
      ),
      frames,
    )
    .map((parts) => parts.join(""));
  const anything = fc.record({
    method: fc.constantFrom("GET", "POST", "POST", "PUT", "DELETE"),
    target: restTarget,
    framed: fc.oneof(
      { weight: 5, arbitrary: toFramed(latin) },
      { weight: 1, arbitrary: framed },
      { weight: 2, arbitrary: nothing },
    ),
  });
  const administration = toRequests(
    fc.oneof({ weight: 1, arbitrary: anything }, { weight: 2, arbitrary: aptAims }),
    own,
  );
  const pipelined = fc
    .array(fc.oneof(sync, queued, administration), { minLength: 2, maxLength: 3 })
    .map((all) => all.join(""));
  return fc.oneof(
    { weight: 5, arbitrary: sync },
    { weight: 4, arbitrary: queued },
    { weight: 4, arbitrary: upgrade },
    { weight: weightOfRest, arbitrary: administration },
    { weight: 2, arbitrary: fc.constantFrom(...seeds.map(({ raw }) => raw)) },
    { weight: 2, arbitrary: pipelined },
  );
}

const STRANGERS: Kind = { credentials: [], seeds: entrySeeds, weightOfRest: 3 };
const ADMINISTRATORS: Kind = { credentials: [CREDENTIALS], seeds: adminSeeds, weightOfRest: 17 };

/** More texts than damaged ones reach what is behind the readers of heads. */
const UNDAMAGED = 6;

const open = toCases(
  fc.oneof({ weight: 1, arbitrary: base }, { weight: 2, arbitrary: toTexts(STRANGERS) }),
  UNDAMAGED,
);
const administered = toCases(toTexts(ADMINISTRATORS), UNDAMAGED);

/** Every so many blocks have credentials: in the others nothing may be asked of Kubernetes. */
const PERIOD = 5;

/** The cases of a block of a campaign: the same for the same seed and block. */
export function generateEntryBlock(seed: number, block: number): RawCase[] {
  return sampleBlock(block % PERIOD === PERIOD - 1 ? administered : open, seed, block);
}
