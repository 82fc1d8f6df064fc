/** Kinds of environment variables, as schemas of their text or of the number it stands for. */
import { type Static, type TObject, Type } from "typebox";
import { DURATION } from "../grammar.ts";

/** A port number, with a default. */
export function portSetting(port: number): ReturnType<typeof Type.Integer> {
  return Type.Integer({ minimum: 0, maximum: 65_535, default: port });
}

/** A Go duration or whole seconds, as text, with a default; read it with `parseDuration`. */
export function durationSetting(text: string): ReturnType<typeof Type.String> {
  return Type.String({ pattern: DURATION, default: text });
}

/** OpenFaaS' booleans: only the literal `true` is true. */
export function booleanSetting(value: boolean): ReturnType<typeof Type.String> {
  return Type.String({ default: String(value) });
}

/** The log level; the same variable in every service. */
export const logLevelSetting = Type.Unsafe<string>({
  type: "string",
  enum: ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
  default: "info",
});

/** Names of the variables that a service reads. */
export type VariableOf<Environment extends TObject> = keyof Static<Environment> & string;
