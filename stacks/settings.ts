/**
 * Schemas of a stack's configuration keys: the program validates values by them, and
 * `npm run settings` generates Pulumi.yaml and the README's table from them.
 */
import { type TBoolean, type TEnum, type TString, Type } from "typebox";

/** The documentation of a key. */
interface Words {
  /** In Markdown, on one line. */
  description: string;
  /** Completes `expected …` in the message about an invalid value. */
  expected: string;
}

interface TextOptions extends Words {
  /** @default "", for none */
  default?: string;
  /** Regular expression of the whole value. @default any text */
  pattern?: string;
}

export type TextSetting = TString & Words & { default: string };
export type FlagSetting = TBoolean & Words & { default: boolean };
export type ChoiceSetting<Value extends string> = TEnum<Value[]> & Words & { default: Value };
export type Setting = TextSetting | FlagSetting | ChoiceSetting<string>;

/** Settings by key, without the prefix `plonk:`. */
export type Settings = Readonly<Record<string, Setting>>;

/** A setting that is text. */
export function text(options: TextOptions): TextSetting {
  return Type.String({ default: "", ...options }) as TextSetting;
}

/** A setting that is true or false. */
export function flag(options: { description: string; default?: boolean }): FlagSetting {
  return Type.Boolean({ default: false, expected: "true or false", ...options }) as FlagSetting;
}

/** A setting that is one of several words. */
export function choice<Value extends string>(
  values: readonly Value[],
  options: { description: string; default: Value },
): ChoiceSetting<Value> {
  const expected = `one of ${values.join(", ")}`;
  return Type.Enum([...values], { ...options, expected }) as unknown as ChoiceSetting<Value>;
}
