/** Names the way from a callback, or any value, to one that it refers to. */
import { inspect, types } from "node:util";
import { findCaptured } from "../imports.ts";
import { isFunction, isNative, prototypesOf, toSource } from "./builtins.ts";
import type { AnyFunction, FunctionInspector } from "./inspect.ts";

/** No more values than this are looked at. */
const MOST_VALUES = 100_000;

interface Step {
  value: unknown;
  /** `state.cache`; empty for the start. */
  path: string;
  /** Function that captures it, where that is not the callback itself. */
  by: string;
}

/** `"state.cache"`, or `"cache" (in load)`; undefined where there is no such way. */
export function findPath(
  start: unknown,
  target: unknown,
  inspector: FunctionInspector,
): string | undefined {
  const seen = new Set<unknown>([start]);
  const open: Step[] = [{ value: start, path: "", by: "" }];
  for (const step of open) {
    if (step.value === target) {
      const { path, by } = step;
      return path === "" ? undefined : `"${path}"${by === "" ? "" : ` (in ${by})`}`;
    }
    const next = stepsFrom(step, inspector).filter(({ value }) => !seen.has(value));
    for (const { value } of next) {
      seen.add(value);
    }
    open.push(...(open.length < MOST_VALUES ? next : []));
  }
  return undefined;
}

function stepsFrom(step: Step, inspector: FunctionInspector): Step[] {
  const { value } = step;
  if (isFunction(value)) {
    return [...stepsOfFunction(value, step, inspector), ...stepsOfObject(value, step)];
  }
  return typeof value === "object" && value !== null ? stepsOfObject(value, step) : [];
}

function stepsOfFunction(callable: AnyFunction, step: Step, inspector: FunctionInspector): Step[] {
  const by = step.path;
  if (isNative(callable)) {
    const { target, self, first = [] } = inspector.unbind(callable) ?? {};
    const own = step.path === "" ? "bound " : `${step.path}, bound `;
    return [
      { value: self, path: `${own}this`, by: step.by },
      ...first.map((value, index) => ({ value, path: `${own}argument ${index + 1}`, by: step.by })),
      { value: target, path: `${own}function`, by: step.by },
    ];
  }
  const variables = [...inspector.variables(callable)];
  const text = toSource(callable);
  const names = variables.map(([name]) => ({ name, source: "" }));
  const used = new Set(findCaptured(text, names).map(({ name }) => name));
  const parent = Object.getPrototypeOf(callable) as unknown;
  return [
    ...variables
      .filter(([name]) => used.has(name))
      .map(([name, value]) => ({ value, path: name, by })),
    { value: parent, path: `${step.path} extends`, by: step.by },
  ];
}

function stepsOfObject(value: object, step: Step): Step[] {
  if (types.isProxy(value)) {
    return [];
  }
  const own = [value, ...prototypesOf(value)].flatMap((holder) =>
    Reflect.ownKeys(holder).flatMap((key) => {
      const found = Object.getOwnPropertyDescriptor(holder, key);
      const values = Object.values(found ?? {}) as unknown[];
      const path = typeof key === "symbol" ? `[${String(key)}]` : toMember(key);
      return values.map((item) => ({ value: item, path: step.path + path, by: step.by }));
    }),
  );
  const entries = types.isMap(value) ? [...value] : [];
  const items = types.isSet(value) ? [...value] : [];
  const inside = [
    ...entries.map(([key, item]) => ({ item, path: `.get(${toText(key)})` })),
    ...[...entries.map(([key]) => key), ...items].map((item) => ({ item, path: ".keys()" })),
  ];
  const contents = inside.map(({ item, path }) => ({
    value: item,
    path: step.path + path,
    by: step.by,
  }));
  return [...own, ...contents];
}

function toMember(key: string): string {
  if (/^[A-Za-z_$][\w$]*$/.test(key)) {
    return `.${key}`;
  }
  return /^\d+$/.test(key) ? `[${key}]` : `[${JSON.stringify(key)}]`;
}

function toText(key: unknown): string {
  return typeof key === "string" ? JSON.stringify(key) : inspect(key, { depth: -1 });
}
