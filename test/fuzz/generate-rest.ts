/** Bodies for REST: JSON of any kind, and such as its routes take, framed in every way. */
import * as fc from "fast-check";
import { type Framed, toChunked, toCounted, toGzip, toWrongLength } from "./corpus/bodies.ts";
import { DANGEROUS } from "./corpus/names.ts";

const dangerous = fc.constantFrom(...DANGEROUS);

/** What a request is about. */
export interface Aim {
  method: string;
  target: string;
  framed: Framed;
}

export const nothing = fc.constant<Framed>({ headers: [], body: "" });

/** Every way to frame a text. */
export function toFramed(texts: fc.Arbitrary<string>): fc.Arbitrary<Framed> {
  return fc.oneof(
    { weight: 6, arbitrary: texts.map(toCounted) },
    {
      weight: 3,
      arbitrary: fc.tuple(texts, fc.integer({ min: 1, max: 40 })).map(([t, n]) => toChunked(t, n)),
    },
    { weight: 2, arbitrary: texts.map(toGzip) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(texts, fc.constantFrom(-3, -1, 1, 9))
        .map(([text, more]) => toWrongLength(text, more)),
    },
  );
}

const key = fc.oneof(
  { weight: 2, arbitrary: dangerous },
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      ...["service", "image", "labels", "annotations", "envVars", "limits", "secrets", "code"],
      ...["functionName", "serviceName", "replicas", "name", "value", "namespace", "alerts"],
      ...["status", "function_name", "com.openfaas.scale.min", "memory", "Service"],
    ),
  },
);
const scalar = fc.oneof(
  dangerous,
  fc.constantFrom("x", "y", "z", "z/z:1", "", "openfaas-fn", "firing", "1", "40Mi", "\u00e9\0"),
  fc.constantFrom(0, 1, -1, 1e308, 0.5, true, null),
);
const document = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", maxDepth: 3 },
    { weight: 3, arbitrary: scalar },
    { weight: 1, arbitrary: fc.array(tie("value"), { maxLength: 3 }) },
    { weight: 2, arbitrary: toObjects(tie("value")) },
  ),
})).value;

/** Own properties, whatever their names; `JSON.stringify` writes them all. */
function toObjects(values: fc.Arbitrary<unknown>): fc.Arbitrary<object> {
  return fc.array(fc.tuple(key, values), { maxLength: 4 }).map((entries) => {
    return Object.fromEntries(entries);
  });
}

const known = fc.constantFrom<object>(
  { service: "z", image: "z/z:1" },
  { service: "z", image: "z/z:1", labels: { a: "b" }, envVars: { a: "b" } },
  { service: "valueof", code: "export default () => 1" },
  ...[{ functionName: "z" }, { serviceName: "z", replicas: 2 }, { name: "z", value: "a" }],
  { alerts: [{ status: "firing", labels: { function_name: "z" } }] },
);
const json = fc.oneof(
  { weight: 2, arbitrary: known.map((value) => JSON.stringify(value)) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(known, toObjects(document))
      .map(([value, more]) => JSON.stringify(merge(value, more))),
  },
  { weight: 2, arbitrary: document.map((value) => JSON.stringify(value)) },
);

function merge(value: object, more: object): object {
  return Object.fromEntries([...Object.entries(value), ...Object.entries(more)]);
}

export const latin = json.map((text) => Buffer.from(text).toString("latin1"));

/** Maps whose keys a caller chooses. */
const maps = fc
  .array(fc.tuple(fc.oneof(dangerous, fc.constantFrom("a", "b")), dangerous), { maxLength: 3 })
  .map((entries) => Object.fromEntries(entries));
const names = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("z", "z1", "valueof", "x", "constructor") },
  { weight: 1, arbitrary: dangerous },
);

function toAims(
  methods: readonly string[],
  target: string,
  bodies: fc.Arbitrary<object>,
): fc.Arbitrary<Aim> {
  const texts = bodies.map((body) => Buffer.from(JSON.stringify(body)).toString("latin1"));
  return fc.record({
    method: fc.constantFrom(...methods),
    target: fc.constant(target),
    framed: toFramed(texts),
  });
}

const deployment = fc.record(
  {
    service: names,
    image: fc.constant("z/z:1"),
    labels: maps,
    annotations: maps,
    envVars: maps,
    limits: maps,
    secrets: fc.array(names, { maxLength: 2 }),
  },
  { requiredKeys: ["service", "image"] },
);
const alerts = fc
  .array(fc.record({ status: fc.constantFrom("firing", "resolved"), labels: maps, name: names }), {
    maxLength: 3,
  })
  .map((all) => ({
    alerts: all.map(({ status, labels, name }) => ({
      status,
      labels: { ...labels, function_name: name },
    })),
  }));

/** Requests as their routes want them, but for the names. */
export const aptAims: fc.Arbitrary<Aim> = fc.oneof(
  { weight: 4, arbitrary: toAims(["POST", "POST", "PUT"], "/system/functions", deployment) },
  {
    weight: 1,
    arbitrary: toAims(["DELETE"], "/system/functions", fc.record({ functionName: names })),
  },
  {
    weight: 2,
    arbitrary: toAims(
      ["POST", "PUT"],
      "/system/secrets",
      fc.record({ name: names, value: dangerous }),
    ),
  },
  { weight: 1, arbitrary: toAims(["DELETE"], "/system/secrets", fc.record({ name: names })) },
  {
    weight: 1,
    arbitrary: toAims(
      ["POST"],
      "/system/scale-function/z",
      fc.record({ replicas: fc.nat({ max: 3 }) }),
    ),
  },
  { weight: 1, arbitrary: toAims(["POST"], "/system/alert", alerts) },
  {
    weight: 4,
    arbitrary: fc.record({
      method: fc.constantFrom("GET", "GET", "GET", "HEAD"),
      target: fc
        .tuple(
          fc.constantFrom(
            ...["/system/functions?", "/system/function/constructor?usage=1&", "/system/queue?"],
            ...["/system/secrets?", "/system/logs?name=x&", "/system/function-stats?"],
            ...["/system/info?", "/system/namespaces?", "/async/calls?", "/async/dead-letters?"],
          ),
          dangerous,
        )
        .map(([path, name]) => `${path}${name}=${name}`),
      framed: nothing,
    }),
  },
);
