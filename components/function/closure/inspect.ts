/** What V8 knows of a function of this process and JavaScript cannot ask: by its own inspector. */
import { Session } from "node:inspector";
import { fileURLToPath } from "node:url";
import { runInThisContext } from "node:vm";

/** Any function, also a class. */
export type AnyFunction = (...parameters: never[]) => unknown;

/** What `bind` was called with. */
export interface Bound {
  target: AnyFunction;
  self: unknown;
  first: unknown[];
}

interface RemoteValue {
  objectId?: string;
  description?: string;
  value?: unknown;
}

interface RemoteProperty {
  name: string;
  value?: RemoteValue;
}

interface Answers {
  "Runtime.evaluate": { result: RemoteValue };
  "Runtime.getProperties": { result: RemoteProperty[]; internalProperties?: RemoteProperty[] };
  "Runtime.callFunctionOn": { result: RemoteValue };
}

/**
 * A session with the own process, which answers before `post` returns. To open one takes a tenth of
 * a second; a function then less than a millisecond.
 */
export class FunctionInspector implements Disposable {
  readonly #session = new Session();
  readonly #urls = new Map<string, string>();

  constructor() {
    this.#session.connect();
    this.#session.on("Debugger.scriptParsed", ({ params }) =>
      this.#urls.set(params.scriptId, params.url),
    );
    this.#session.post("Debugger.enable");
  }

  [Symbol.dispose](): void {
    this.#session.disconnect();
  }

  /** Address of the script that defines `callable`, e.g. `node:fs`; empty for native code. */
  locate(callable: AnyFunction): string {
    const place = this.#internals(callable).get("[[FunctionLocation]]")?.value;
    return this.#urls.get((place as { scriptId?: string } | undefined)?.scriptId ?? "") ?? "";
  }

  /** Path of the file that defines `callable`; undefined for code that has none. */
  findFile(callable: AnyFunction): string | undefined {
    const url = this.locate(callable);
    return url.startsWith("file:") ? fileURLToPath(url) : url || undefined;
  }

  /** The variables around `callable` that are not global, of one name the nearest. */
  variables(callable: AnyFunction): Map<string, unknown> {
    const found = new Map<string, unknown>();
    const scopes = this.#internals(callable).get("[[Scopes]]")?.objectId;
    for (const { value } of scopes === undefined ? [] : this.#properties(scopes).result) {
      const { objectId, description = "Global" } = value ?? {};
      if (objectId === undefined || description.startsWith("Global")) {
        continue;
      }
      const { object } = this.#toLocal(objectId) as { object: Record<string, unknown> };
      for (const name of Object.keys(object)) {
        found.set(name, found.has(name) ? found.get(name) : object[name]);
      }
    }
    return found;
  }

  /** What a bound function is made of; undefined for any other. */
  unbind(callable: AnyFunction): Bound | undefined {
    const internals = this.#internals(callable);
    const [target, self, first] = ["TargetFunction", "BoundThis", "BoundArgs"].map((name) => {
      const remote = internals.get(`[[${name}]]`);
      return remote?.objectId === undefined ? remote?.value : this.#toLocal(remote.objectId);
    });
    return target === undefined
      ? undefined
      : { target: target as AnyFunction, self, first: [...(first as unknown[])] };
  }

  #internals(callable: AnyFunction): Map<string, RemoteValue | undefined> {
    const { internalProperties = [] } = this.#properties(this.#toRemote(callable));
    return new Map(internalProperties.map(({ name, value }) => [name, value]));
  }

  #properties(objectId: string): Answers["Runtime.getProperties"] {
    return this.#ask("Runtime.getProperties", { objectId, ownProperties: true });
  }

  /**
   * The inspector reaches values by global name only, so the value gets one for the while: in the
   * process's first context, which is not the own one where a test runner made another.
   */
  #toRemote(value: object): string {
    const name = `__plonk_inspected_${crypto.randomUUID().replaceAll("-", "")}`;
    const globals = runInThisContext("globalThis") as object;
    Reflect.set(globals, name, value);
    const { result } = this.#ask("Runtime.evaluate", { expression: `globalThis.${name}` });
    Reflect.deleteProperty(globals, name);
    return result.objectId ?? "";
  }

  #toLocal(objectId: string): unknown {
    const holder: { value?: unknown } = {};
    this.#ask("Runtime.callFunctionOn", {
      objectId: this.#toRemote(holder),
      functionDeclaration: "function (value) { this.value = value; }",
      arguments: [{ objectId }],
    });
    return holder.value;
  }

  #ask<M extends keyof Answers>(method: M, parameters: object): Answers[M] {
    let answer: unknown;
    this.#session.post(method, parameters, (error: unknown, result?: object) => {
      if (error !== null) {
        throw new Error(`${method}: ${JSON.stringify(error)}`);
      }
      answer = result;
    });
    return answer as Answers[M];
  }
}
