/** What a closure cannot take along is refused by its name; what works is run by the watchdog. */
import { EventEmitter } from "node:events";
import { afterAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { ArgumentError } from "../../../components/errors.ts";
import {
  checkCallback,
  type Closure,
  toClosureCode,
} from "../../../components/function/closure.ts";

afterAll(() => pulumi.runtime.disconnect());

const MAKE = "which cannot be carried; make it inside the callback";

function weak(): Closure {
  const state = { cache: new WeakMap(), texts: { "no-name": [new WeakSet()] } };
  return () => state.cache.has(state);
}

function nested(): Closure {
  const seen = new WeakSet();
  const load = (): boolean => seen.has(load);
  const service = { load };
  return () => service.load();
}

function inMap(): Closure {
  const byName = new Map([["old", [new WeakRef({})]]]);
  return () => byName.size;
}

function privateMembers(): Closure {
  class Counter {
    #count = 1;
    next(): number {
      return ++this.#count;
    }
  }
  const counter = new Counter();
  return () => counter.next();
}

function ofNodesClass(): Closure {
  class Bus extends EventEmitter {}
  const bus = new Bus();
  return () => bus.emit("x");
}

function generator(): Closure {
  const items = (function* () {
    yield 1;
  })();
  return () => items.next();
}

function proxy(): Closure {
  const strange = new Proxy({ a: 1 }, {});
  return () => strange.a;
}

function superOfObject(): Closure {
  const base = { hi: (): string => "hi" };
  const service = {
    hi(): string {
      // eslint-disable-next-line @typescript-eslint/no-unsafe-member-access -- it has no type here
      return String(super.hi);
    },
  };
  Object.setPrototypeOf(service, base);
  return () => service.hi();
}

function arrowThis(): Closure {
  class Reader {
    read = (): unknown => this;
  }
  const { read } = new Reader();
  return () => read();
}

function patchedClass(): Closure {
  class Service {
    hi(): string {
      return "hi";
    }
  }
  Service.prototype.hi = () => "other";
  return () => new Service().hi();
}

function sharedVariable(): Closure {
  let count = 0;
  const add = (): number => ++count;
  return () => [add(), count];
}

function shadowedGlobal(): Closure {
  const fetch = (): string => "mine";
  return () => fetch();
}

function promise(): Closure {
  const ready = Promise.resolve(1);
  return () => ready.then((value) => value);
}

function failedPromise(): Closure {
  const ready = Promise.reject(new Error("no"));
  ready.catch(() => undefined);
  return async () => await ready;
}

function environment(): Closure {
  const { env } = process;
  return () => env["HOME"];
}

function config(): Closure {
  const settings = new pulumi.Config("plonk");
  return () => settings.get("x");
}

function secretInMap(): Closure {
  const secrets = new Map([["key", pulumi.secret("hunter2")]]);
  return () => secrets.get("key");
}

function frozenSecret(): Closure {
  const settings = Object.freeze({ key: pulumi.secret("hunter2"), port: 1 });
  return () => [settings.key, settings.port];
}

function native(): Closure {
  const format = new Intl.NumberFormat("en");
  return () => format.format(1000);
}

describe("a captured value that cannot be taken along", () => {
  it.each<[string, () => Closure]>([
    [`captured "state.cache" is a WeakMap, ${MAKE}`, weak],
    [`captured "seen" (in service.load) is a WeakSet, ${MAKE}`, nested],
    [`captured "byName.get("old")[0]" is a WeakRef, ${MAKE}`, inMap],
    [
      'captured "counter" is of class Counter, whose private members cannot be carried; make it inside the callback, or capture the single values',
      privateMembers,
    ],
    [`captured "bus" is an EventEmitter, ${MAKE}`, ofNodesClass],
    [`captured "format" is a NumberFormat, ${MAKE}`, native],
    [`captured "items" is a Generator, ${MAKE}`, generator],
    [`captured "strange" is a Proxy, ${MAKE}`, proxy],
    [
      'captured "service.hi" uses super or a private member, which a function cannot take along without its class; call it inside the callback on an object of the class',
      superOfObject,
    ],
    [
      'captured "read" is an arrow function that uses this, which cannot be carried; give this another name outside of it',
      arrowThis,
    ],
    [
      'captured "Service" is a class that was given another hi after it was written, which cannot be carried; write the class inside the callback',
      patchedClass,
    ],
    [
      'captured "count" is changed by one function and used by another, and each would get its own; make it a property of an object',
      sharedVariable,
    ],
    [
      'captured "fetch" has the name of a global, which would be taken in its place; give it another name',
      shadowedGlobal,
    ],
    [
      'captured "ready" is a Promise, which is carried as its value; await it in place of .then',
      promise,
    ],
    ['captured "ready" is a promise that has failed; make it inside the callback', failedPromise],
    [
      'captured "env" is process.env; read it inside the callback, or capture the single value',
      environment,
    ],
    [
      'captured "settings" is a Config of Pulumi\'s; read it outside of the callback, and capture the single value',
      config,
    ],
    [
      'captured "secrets.get("key")" is a secret; pass it as a FunctionSecret in secrets and read /var/openfaas/secrets/<name>',
      secretInMap,
    ],
    [
      'captured "settings.key" is a secret; pass it as a FunctionSecret in secrets and read /var/openfaas/secrets/<name>',
      frozenSecret,
    ],
  ])("is refused: %s", async (message, make) => {
    const callback = make();
    expect(() => checkCallback(callback)).not.toThrow();
    await expect(toClosureCode(callback)).rejects.toThrow(
      new ArgumentError(`callback: ${message}`),
    );
  });
});

describe("a callback", () => {
  const service = {
    word: "hi",
    greet(): string {
      return this.word;
    },
  };

  it("must do without an object to be called on", () => {
    const message =
      "callback: expected a function that does without this, got greet; write (event, context) => service.method(event, context)";
    // eslint-disable-next-line @typescript-eslint/unbound-method -- that is what is refused
    expect(() => checkCallback(service.greet)).toThrow(new ArgumentError(message));
    expect(() => checkCallback(service.greet.bind(service))).not.toThrow();
  });

  it("must be no class", () => {
    class Handler {
      readonly answer = 42;
    }
    expect(() => checkCallback(Handler as unknown as Closure)).toThrow(
      new ArgumentError("callback: expected a function, got the class Handler"),
    );
  });

  it("gives the same code twice, whatever was serialized beside it", async () => {
    const make = (): Closure => {
      const map = new Map([["a", new Date(1)]]);
      return () => map.get("a");
    };
    const [one, other] = await Promise.all([toClosureCode(make()), toClosureCode(make())]);
    expect(one).toBe(other);
    expect(Object.getOwnPropertyNames(globalThis)).not.toContain("__plonk_slots");
  });

  it("waits for no other closure, whose outputs may come later", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const late = pulumi.output(promise) as unknown as { get(): string };
    const [words, other] = [new Map([["a", 1]]), new Map([["b", 2]])];
    const first = toClosureCode(() => [late.get(), words.size]);
    expect(await toClosureCode(() => [words.size, other.size])).toContain("new Map()");
    resolve("in the end");
    expect(await first).toContain("in the end");
  });
});
