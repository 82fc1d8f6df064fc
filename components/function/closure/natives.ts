/** Values with content that no property shows: how to make them, and what to put in. */
import { types } from "node:util";
import type { Part } from "./revive.ts";

/** How a module makes the value anew. */
export interface Native {
  /** A JavaScript expression. */
  expression: string;
  content?: Partial<Part>;
  /** Other values that the expression may name: `name` stands for this one. */
  related?: (name: string) => [value: object, make: string][];
  /** What has to be there before. */
  needs?: ArrayBuffer;
}

const ERRORS =
  /^(Error|EvalError|RangeError|ReferenceError|SyntaxError|TypeError|URIError|AggregateError)$/;

/**
 * @param className of Node's class that `value` is of
 * @param toName name of a value that is made before
 */
export function toNative(
  value: object,
  className: string,
  toName: (value: ArrayBuffer) => string,
): Native | undefined {
  if (types.isMap(value)) {
    const entries = [...Map.prototype.entries.call(value)] as [unknown, unknown][];
    return {
      expression: "new Map()",
      content: { entries: entries.map(([key, item]) => ({ key, value: item })) },
    };
  }
  if (types.isSet(value)) {
    const items = [...Set.prototype.values.call(value)] as unknown[];
    return { expression: "new Set()", content: { items: items.map((item) => ({ value: item })) } };
  }
  if (types.isDate(value)) {
    return { expression: `new Date(${String(Date.prototype.getTime.call(value))})` };
  }
  if (Object.prototype.toString.call(value) === "[object Error]" && ERRORS.test(className)) {
    const message = JSON.stringify((value as Error).message);
    const list = className === "AggregateError" ? "[], " : "";
    return { expression: `new ${className}(${list}${message})` };
  }
  return toAddress(value) ?? toBytes(value, className, toName);
}

function toAddress(value: object): Native | undefined {
  if (value instanceof URL) {
    return {
      expression: `new URL(${JSON.stringify(value.href)})`,
      related: (name) => [[value.searchParams, `${name}.searchParams`]],
    };
  }
  if (value instanceof URLSearchParams) {
    return { expression: `new URLSearchParams(${JSON.stringify(value.toString())})` };
  }
  return undefined;
}

function toBytes(
  value: object,
  className: string,
  toName: (value: ArrayBuffer) => string,
): Native | undefined {
  if (types.isArrayBuffer(value) && !value.resizable) {
    return { expression: `new Uint8Array(${toBuffer(new Uint8Array(value))}).buffer` };
  }
  if (!ArrayBuffer.isView(value) || !types.isArrayBuffer(value.buffer) || value.buffer.resizable) {
    return undefined;
  }
  const { buffer, byteOffset, byteLength } = value;
  // Others write into Node's pool too: what is theirs stays here.
  if (className === "Buffer" || buffer.byteLength === Buffer.poolSize) {
    const bytes = toBuffer(new Uint8Array(buffer, byteOffset, byteLength));
    const expression =
      className === "Buffer" ? bytes : `new ${className}(new Uint8Array(${bytes}).buffer)`;
    return { expression };
  }
  const length = "length" in value ? Number(value.length) : byteLength;
  return {
    expression: `new ${className}(${toName(buffer)}, ${byteOffset}, ${length})`,
    needs: buffer,
  };
}

function toBuffer(bytes: Uint8Array): string {
  return `Buffer.from("${Buffer.from(bytes).toString("base64")}", "base64")`;
}
