/** What a handler returns, as the body of an answer. */
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { encode } from "../../../services/watchdog/encode.ts";
import { runs } from "../../support/property-runs.ts";

const BYTES = "application/octet-stream";

const JSON_OF_KNOWN = '["1970-01-01T00:00:00.000Z","http://a/",{"type":"Buffer","data":[97]}]';
const CODE = '{"a":{"code":7}}';

async function bytesOf(value: unknown): Promise<{ bytes: number[]; contentType: string }> {
  const { body, contentType } = encode(value);
  const whole = body instanceof Readable ? await buffer(body) : Buffer.from(body);
  return { bytes: [...whole], contentType };
}

async function* pieces(...values: (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  for (const value of values) {
    yield await Promise.resolve(value);
  }
}

describe("a value", () => {
  test.each([undefined, null, ""])("of %j is an empty body", (value) => {
    expect(encode(value).body).toBe("");
  });

  test.each<[unknown, string, string]>([
    ["text", "text", "text/plain; charset=utf-8"],
    [7, "7", "text/plain; charset=utf-8"],
    [false, "false", "text/plain; charset=utf-8"],
    [{ a: [1] }, '{"a":[1]}', "application/json"],
    [new Date(0), '"1970-01-01T00:00:00.000Z"', "application/json"],
  ])("of %j is written as such", (value, body, contentType) => {
    expect(encode(value)).toEqual({ body, contentType });
  });

  const whole = new Uint8Array([9, 1, 2, 3, 9]);
  test.each<[string, () => unknown]>([
    ["a Buffer", () => Buffer.from([1, 2, 3])],
    ["a view", () => whole.subarray(1, 4)],
    ["a DataView", () => new DataView(whole.buffer, 1, 3)],
    ["an ArrayBuffer", () => new Uint8Array([1, 2, 3]).buffer],
    ["a SharedArrayBuffer", () => sharedOf([1, 2, 3])],
    ["a Blob", () => new Blob([new Uint8Array([1, 2, 3])])],
    ["a Node stream", () => Readable.from([Buffer.from([1, 2]), Buffer.from([3])])],
    ["a web stream", () => new Blob([new Uint8Array([1, 2, 3])]).stream()],
    ["an async iterable", () => pieces(new Uint8Array([1]), new Uint8Array([2, 3]))],
  ])("that is %s is its bytes", async (_kind, create) => {
    expect(await bytesOf(create())).toEqual({ bytes: [1, 2, 3], contentType: BYTES });
  });

  test("of 16-bit numbers is their bytes", async () => {
    const numbers = new Uint16Array([1, 258]);
    expect((await bytesOf(numbers)).bytes).toEqual([...Buffer.from(numbers.buffer)]);
  });

  test("that is a Blob with a type has that type", () => {
    expect(encode(new Blob(["a"], { type: "text/csv" })).contentType).toBe("text/csv");
  });

  test("that yields text is that text", async () => {
    const { body } = encode(pieces("a", "ü"));
    expect((await buffer(body as Readable)).toString()).toBe("aü");
  });

  test("that any JSON is gives it back", () => {
    fc.assert(
      fc.property(fc.oneof(fc.object(), fc.array(fc.jsonValue())), (value) => {
        expect(encode(value).body).toBe(JSON.stringify(value));
        const told = { toJSON: () => value };
        expect(encode([value, told]).body).toBe(JSON.stringify([value, value]));
      }),
      { numRuns: runs(200) },
    );
  });
});

describe("what no answer can be", () => {
  const itself: Record<string, unknown> = {};
  itself["itself"] = itself;

  test.each<[string, unknown, RegExp]>([
    ["a symbol", Symbol("s"), /^answer: expected .*, got a symbol$/],
    ["a function", () => 1, /^answer: expected .*, got a function$/],
    ["a Map", new Map([["a", 1]]), /^answer: expected .*, got a Map$/],
    ["a Set", new Set([1]), /^answer: expected .*, got a Set$/],
    ["a BigInt", 1n, /BigInt/],
    ["an object that contains itself", itself, /circular/],
    ["an Error", new RangeError("mine"), /^mine$/],
  ])("%s is refused", (_kind, value, message) => {
    expect(() => encode(value)).toThrow(message);
  });
});

class Order {
  readonly id = 7;
  readonly isOpen = () => true;
}
class Scores extends Map<string, number> {}

function later(): Promise<number> {
  return Promise.resolve(1);
}

function* count(): Generator<number> {
  yield 1;
}

describe("a part of an answer of which JSON says nothing", () => {
  test.each<[string, () => unknown]>([
    ["a Map", () => new Map([["a", 1]])],
    ["a Set", () => new Set()],
    ["a WeakMap", () => new WeakMap()],
    ["a Scores", () => new Scores()],
    ["an ArrayBuffer", () => new ArrayBuffer(1)],
    ["a SharedArrayBuffer", () => sharedOf([1])],
    ["a DataView", () => new DataView(new ArrayBuffer(1))],
    ["a Uint8Array", () => new Uint8Array(1)],
    ["an Int8Array", () => new Int8Array()],
    ["a Blob", () => new Blob(["a"])],
    ["a Response", () => Response.json(1)],
    ["a Headers", () => new Headers({ a: "1" })],
    ["a URLSearchParams", () => new URLSearchParams("a=1")],
    ["a ReadableStream", () => new Blob(["a"]).stream()],
    ["a Readable", () => Readable.from(["a"])],
    ["a Promise", later],
    ["a Generator", count],
    ["an AsyncGenerator", () => pieces("a")],
    ["a RegExp", () => /a/],
    ["an Error", () => new Error("mine")],
    ["a TypeError", () => new TypeError("mine")],
    ["a symbol", () => Symbol("s")],
    ["a BigInt", () => 1n],
  ])("is refused by its place: %s", (kind, create) => {
    const refusal = (path: string): TypeError =>
      new TypeError(`answer${path}: expected what JSON has, got ${kind}`);
    expect(() => encode({ a: create() })).toThrow(refusal(".a"));
    expect(() => encode([1, create()])).toThrow(refusal("[1]"));
    const shared = { plain: true };
    const deep = { a: shared, b: [shared, { at: new Date(0) }, { "c d": { 1: create() } }] };
    expect(() => encode(deep)).toThrow(refusal('.b[2]["c d"]["1"]'));
    expect(() => encode({ a: { toJSON: create } })).toThrow(refusal(".a"));
  });

  test("is refused where it is a function in a list, of which only null would be left", () => {
    expect(() => encode({ a: [1, () => 1] })).toThrow(
      "answer.a[1]: expected what JSON has, got a f",
    );
    expect(() => encode([{ b: new Set() }, Order])).toThrow("answer[0].b: expected");
  });

  test("is refused in an object of a class, too, and below more objects than a walk follows", () => {
    expect(() => encode({ order: Object.assign(new Order(), { tags: new Set() }) })).toThrow(
      "answer.order.tags: expected what JSON has, got a Set",
    );
    let nested: unknown = new Map();
    for (let depth = 0; depth < 1000; depth += 1) {
      nested = [nested];
    }
    expect(() => encode(nested)).toThrow(/^answer(\[0\]){1000}: expected .*, got a Map$/);
  });
});

describe("a part of an answer that JSON says in its own way", () => {
  test.each<[string, unknown, string]>([
    ["what is undefined is left out", { a: undefined, b: [undefined] }, '{"b":[null]}'],
    ["no number is null", [NaN, Infinity, new Date(NaN)], "[null,null,null]"],
    ["toJSON counts", [new Date(0), new URL("http://a"), Buffer.from("a")], JSON_OF_KNOWN],
    ["toJSON of one's own counts", { a: { toJSON: () => ({ b: [1] }) } }, '{"a":{"b":[1]}}'],
    ["an object of a class is its properties", [new Order()], '[{"id":7}]'],
    ["methods are left out", { a: 1, f: () => 1, b: { g: Order, c: [] } }, '{"a":1,"b":{"c":[]}}'],
    ["methods beside others' own words", { f: () => 1, d: { toJSON: () => 2 } }, '{"d":2}'],
    ["an error with properties is those", { a: Object.assign(new Error("e"), { code: 7 }) }, CODE],
    ["wrapped values are values", [new String("a"), new Number(1)], '["a",1]'],
    ["an empty object is one", [{}, [], Object.create(null), Object.create({})], "[{},[],{},{}]"],
  ])("%s", (_rule, value, text) => {
    expect(encode(value).body).toBe(text);
  });
});

function sharedOf(bytes: number[]): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(bytes.length);
  new Uint8Array(shared).set(bytes);
  return shared;
}
