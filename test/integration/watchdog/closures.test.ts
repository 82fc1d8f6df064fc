/** Closures with what they capture, called in the runtime that functions run in. */
import { afterAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { checkCallback, toClosureCode } from "../../../components/function/closure.ts";
import type { FunctionHandler } from "../../../contract/index.ts";
import { Go, shout } from "./captured.ts";
import { cleanUp, startWatchdog, writeModule } from "./process.ts";

afterAll(async () => {
  await cleanUp();
  await pulumi.runtime.disconnect();
});

async function answer(callback: FunctionHandler): Promise<unknown> {
  checkCallback(callback);
  const path = await writeModule("index.cjs", await toClosureCode(callback));
  const { url, stderr } = await startWatchdog({ PLONK_FUNCTION_MODULE: path });
  const response = await fetch(url, { method: "POST", body: "you" });
  const text = await response.text();
  if (response.status !== 200) {
    throw new Error(`${response.status} ${text} ${stderr()}`);
  }
  return JSON.parse(text) as unknown;
}

function collections(): FunctionHandler {
  const key = { id: 1 };
  const byKey = new Map<unknown, unknown>([
    [key, "value"],
    ["nothing", undefined],
  ]);
  byKey.set("self", byKey).set("double", (x: number) => x * 2);
  byKey.set("deep", new Map([["set", new Set([new Date(7)])]]));
  const set = new Set([1, 2]);
  return () => {
    const double = byKey.get("double") as (x: number) => number;
    const deep = byKey.get("deep") as Map<string, Set<Date>>;
    const [date] = deep.get("set") ?? [];
    const own = [byKey.get(key), byKey.has("nothing"), byKey.get("self") === byKey];
    return [...own, double(4), date?.getTime(), [...set]];
  };
}

function addresses(): FunctionHandler {
  const url = new URL("http://a.example/?x=1");
  const ofUrl = url.searchParams;
  const parameters = new URLSearchParams("a=1&a=2");
  return () => {
    ofUrl.set("x", "2");
    return [
      url.href,
      parameters.getAll("a"),
      new Date(url.searchParams.get("x") ?? "") instanceof Date,
    ];
  };
}

function bytes(): FunctionHandler {
  const buffer = new ArrayBuffer(8);
  const all = new Uint8Array(buffer);
  const part = new Uint8Array(buffer, 4, 2);
  const view = new DataView(buffer);
  const text = Buffer.from("hällo");
  const big = new BigInt64Array([5n]);
  const floats = new Float64Array([1.5, -0]);
  return () => {
    all[4] = 9;
    const zero = Object.is(floats[1], -0);
    return [
      part[0],
      view.getUint8(4),
      text.toString(),
      Buffer.isBuffer(text),
      String(big[0]),
      zero,
    ];
  };
}

function errors(): FunctionHandler {
  class HttpError extends Error {
    readonly status = 400;
    override readonly name = "HttpError";
  }
  const made = new HttpError("bad", { cause: new TypeError("why") });
  const many = new AggregateError([new RangeError("one")], "many");
  return () => {
    const late = new HttpError("later");
    const { cause } = made as { cause: unknown };
    return [
      [made.status, String(made), made instanceof HttpError, made instanceof Error],
      [cause instanceof TypeError, (cause as Error).message],
      [(many.errors as Error[])[0] instanceof RangeError, many.message],
      [
        late.status,
        late.message,
        late instanceof HttpError,
        (late.stack ?? "").includes("index.cjs"),
      ],
    ];
  };
}

function cycles(): FunctionHandler {
  interface Node {
    name: string;
    next?: Node;
  }
  const node: Node = { name: "one" };
  node.next = { name: "two", next: node };
  const list: unknown[] = [1];
  list.push(list);
  const failure: Error = new Error("again");
  failure.cause = failure;
  return () => [
    node.next?.next?.next?.name,
    (list[1] as unknown[])[1] === list,
    failure.cause === failure,
  ];
}

function boundFunctions(): FunctionHandler {
  class Greeter {
    readonly word = "hello";
    greet(mark: { sign: string }, names: Set<string>, event: { body: unknown }): unknown[] {
      return [this.word, mark.sign, [...names], event.body];
    }
  }
  const greeter = new Greeter();
  const once = greeter.greet.bind(greeter, { sign: "!" });
  return once.bind(undefined, new Set(["all"]));
}

function bindInside(): FunctionHandler {
  const counter = {
    count: 40,
    add(step: number) {
      return (this.count += step);
    },
  };
  const one = counter.add.bind(counter, 1);
  class Point {
    readonly x: number;
    constructor(x: number) {
      this.x = x;
    }
  }
  const Origin = Point.bind(null, 3);
  return () => [one(), one(), counter.count, new Origin().x, new Origin() instanceof Point];
}

function classes(): FunctionHandler {
  const mark = (text: string): string => `${text}!`;
  class Base {
    static count = 2;
    readonly name: string = "base";
    hi(): string {
      return `hi ${this.name}`;
    }
  }
  class Derived extends Base {
    static readonly made = new Map([["one", 1]]);
    static make(): Derived {
      return new Derived();
    }
    readonly #secret = 3;
    override readonly name = mark("derived");
    override hi(): string {
      return mark(super.hi()) + String(this.#secret);
    }
    get secret(): number {
      return this.#secret;
    }
    *[Symbol.iterator](): Generator<number> {
      yield this.#secret;
    }
  }
  class Shelf extends Map<string, number> {
    readonly limit = 5;
    override get(name: string): number {
      return super.get(name) ?? this.limit;
    }
  }
  Base.count = 7;
  const base = new Base();
  const shelf = new Shelf([["a", 1]]);
  const known = new Map([["Base", Base]]);
  return () => {
    const made = Derived.make();
    return [
      [base.hi(), base instanceof Base, known.get("Base") === Base, Base.count],
      [made.hi(), made.secret, [...made], made instanceof Base, Derived.made.get("one")],
      [shelf.get("a"), shelf.get("b"), shelf.size, shelf instanceof Shelf],
    ];
  };
}

function superOfInstance(): FunctionHandler {
  class Base {
    hi(): string {
      return "base";
    }
  }
  class Derived extends Base {
    override hi(): string {
      return `${super.hi()}, derived`;
    }
  }
  const derived = new Derived();
  return () => [derived.hi()];
}

function numbersAndNames(): FunctionHandler {
  const numbers = [NaN, -0, Infinity, -Infinity];
  const big = 12_345_678_901_234_567_890n;
  const own = Symbol("own");
  const shared = Symbol.for("shared");
  const named = { [own]: 1, [Symbol.asyncIterator]: 2 };
  const pattern = /a(.)/y;
  pattern.lastIndex = 2;
  return () => [
    numbers.map((number) => (Object.is(number, -0) ? "-0" : String(number))),
    String(big),
    [named[own], named[Symbol.asyncIterator], shared === Symbol.for("shared")],
    pattern.exec("abac")?.[1],
  ];
}

function objects(): FunctionHandler {
  const frozen = Object.freeze({ list: Object.freeze([1, undefined]), text: "x" });
  const partly = Object.freeze({ text: "read", rest: new WeakMap() });
  const sealed = Object.seal({ a: 1 });
  const bare: object = Object.assign(Object.create(null) as object, { a: 1 });
  const strange = JSON.parse('{"__proto__":{"a":1}}') as object;
  const sparse: unknown[] = [];
  sparse[1] = undefined;
  sparse.length = 4;
  const accessor = {
    size: 2,
    get double() {
      return this.size * 2;
    },
  };
  return () => {
    accessor.size = 4;
    const [own, list] = [strange, sparse];
    return [
      [Object.isFrozen(frozen), Object.isFrozen(frozen.list), frozen.list.length, partly.text],
      [Object.isSealed(sealed), Object.getPrototypeOf(bare) === null, Object.keys(own)],
      [list.length, 0 in list, 1 in list],
      accessor.double,
    ];
  };
}

function generators(): FunctionHandler {
  function* count(): Generator<number> {
    yield 1;
    yield 2;
  }
  const later = {
    async *[Symbol.asyncIterator](): AsyncGenerator<number> {
      yield await Promise.resolve(3);
    },
  };
  return async () => {
    const found: number[] = [...count()];
    for await (const one of later) {
      found.push(one);
    }
    return found;
  };
}

function ofOtherModules(): FunctionHandler {
  const [help, Class] = [shout, Go];
  return (event) => [help(String(event.body)), new Class().go()];
}

async function ofNode(): Promise<FunctionHandler> {
  const { existsSync } = await import("node:fs");
  const os = await import("node:os");
  const { env } = process;
  const word = env["PLONK_NO_SUCH"] ?? "at deployment";
  return () => [
    existsSync("/"),
    typeof os.hostname(),
    word,
    process.env["PLONK_NO_SUCH"] ?? "none",
  ];
}

function outputs(): FunctionHandler {
  const output = pulumi.output({ a: [1] });
  const promise = Promise.resolve(4);
  // Inside a callback, outputs have `get`.
  const known = output as unknown as { get(): unknown };
  return async () => [known.get(), await promise];
}

describe("a closure", () => {
  it.each<[string, () => FunctionHandler | Promise<FunctionHandler>, unknown]>([
    ["Maps and Sets", collections, ["value", true, true, 8, 7, [1, 2]]],
    ["addresses", addresses, ["http://a.example/?x=2", ["1", "2"], true]],
    ["bytes", bytes, [9, 9, "hällo", true, "5", true]],
    [
      "errors",
      errors,
      [
        [400, "HttpError: bad", true, true],
        [true, "why"],
        [true, "many"],
        [400, "later", true, true],
      ],
    ],
    ["what contains itself", cycles, ["two", true, true]],
    ["functions of other modules", ofOtherModules, ["YOU?string", "X!string1"]],
    ["functions and modules of Node's", ofNode, [true, "string", "at deployment", "none"]],
    ["bound functions, bound once more", boundFunctions, ["hello", "!", ["all"], "you"]],
    ["bound functions with state", bindInside, [41, 42, 42, 3, true]],
    [
      "classes",
      classes,
      [
        ["hi base", true, true, 7],
        ["hi derived!!3", 3, [3], true, 1],
        [1, 5, 1, true],
      ],
    ],
    ["an object whose method calls super", superOfInstance, ["base, derived"]],
    [
      "numbers, symbols and patterns",
      numbersAndNames,
      [["NaN", "-0", "Infinity", "-Infinity"], "12345678901234567890", [1, 2, true], "c"],
    ],
    [
      "objects as they were made",
      objects,
      [[true, true, 2, "read"], [true, true, ["__proto__"]], [4, false, true], 8],
    ],
    ["generator functions", generators, [1, 2, 3]],
    ["outputs, and a promise as its value", outputs, [{ a: [1] }, 4]],
  ])("takes along %s", async (_what, make, expected) => {
    expect(await answer(await make())).toEqual(expected);
  });
});
