/** Takes values of a document as what a field has to be, and keeps what is wrong. */
import { type Finding, quote, toField } from "../finding.ts";
import { describeValue, type Value } from "./yaml.ts";

/** What could not be read, and where. */
export interface Problem extends Finding {
  /** As the document has it. */
  value: Value;
}

/** YAML 1.1's words, which faas-cli takes. */
export const TRUE = /^(y|yes|true|on)$/i;
const FALSE = /^(n|no|false|off)$/i;

/** Whether a text is a word for yes. */
export function isTrue(text: string): boolean {
  return TRUE.test(text);
}

export class Reader {
  readonly problems: Problem[] = [];

  refuse(path: readonly string[], expected: string, value: Value): void {
    this.problems.push({ field: toField(path), expected, got: describeValue(value), value });
  }

  /** An object's fields; an absent object has none. */
  fields(path: readonly string[], value: Value | undefined): Map<string, Value> {
    const found = this.#map(path, value, "an object");
    // A name that JavaScript's own objects have in a way of their own.
    if (found.has("__proto__")) {
      this.refuse(path, "names other than __proto__", found.get("__proto__") ?? null);
      found.delete("__proto__");
    }
    return found;
  }

  /** A text that says something; nothing and an empty one are absent. */
  text(path: readonly string[], value: Value | undefined): string | undefined {
    if (value === undefined || value === null || value === "") {
      return undefined;
    }
    if (typeof value === "string") {
      return value;
    }
    this.refuse(path, "a text", value);
    return undefined;
  }

  /** A word for yes or no, or what `isOpen` accepts. */
  flag(
    path: readonly string[],
    value: Value | undefined,
    isOpen: (text: string) => boolean,
  ): string | undefined {
    const text = this.text(path, value);
    if (text === undefined || isOpen(text) || TRUE.test(text) || FALSE.test(text)) {
      return text;
    }
    this.problems.push({ ...toFinding(path, "true or false", text), value: text });
    return undefined;
  }

  texts(path: readonly string[], value: Value | undefined): string[] {
    if (value === undefined || value === null || value === "") {
      return [];
    }
    if (!Array.isArray(value)) {
      this.refuse(path, "a list", value);
      return [];
    }
    return value.flatMap((item, index) => {
      if (item !== null && typeof item !== "string") {
        this.refuse([...path, String(index)], "a text", item);
        return [];
      }
      // An item that says nothing is an empty text, which no list takes.
      return [item ?? ""];
    });
  }

  /** Texts by key; what says nothing is an empty text. */
  map(path: readonly string[], value: Value | undefined): Record<string, string> {
    const entries = [...this.fields(path, value)].flatMap(([key, item]): [string, string][] => {
      if (item !== null && typeof item !== "string") {
        this.refuse([...path, key], "a text", item);
        return [];
      }
      return [[key, item ?? ""]];
    });
    return Object.fromEntries(entries);
  }

  #map(path: readonly string[], value: Value | undefined, expected: string): Map<string, Value> {
    if (value === undefined || value === null || value === "") {
      return new Map();
    }
    if (!(value instanceof Map)) {
      this.refuse(path, expected, value);
      return new Map();
    }
    return new Map([...value].filter(([key]) => typeof (key as unknown) === "string"));
  }
}

function toFinding(path: readonly string[], expected: string, text: string): Finding {
  return { field: toField(path), expected, got: quote(text) };
}
