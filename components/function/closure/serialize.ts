/** Serializes a closure with Pulumi's serializer, which is told what it does not know. */
import * as pulumi from "@pulumi/pulumi";
import { FUNCTION_PATHS } from "../../../contract/index.ts";
import { ArgumentError } from "../../errors.ts";
import { Captured } from "./captured.ts";
import { type AnyFunction, FunctionInspector } from "./inspect.ts";
import { findPath } from "./path.ts";
import { Uncarried } from "./refused.ts";
import { makeReviver } from "./revive.ts";

/** Each round goes one level deeper into Maps, Sets, classes and the like. */
const MOST_ROUNDS = 100;

/** Whose names are on the global object, which the serializer reads when it begins. */
let lastTurn: Promise<unknown> = Promise.resolve();

/**
 * Gives a CommonJS module that exports `handler`.
 *
 * @throws ArgumentError for what cannot be taken along, by name
 */
export async function serializeClosure(callback: AnyFunction): Promise<string> {
  using inspector = new FunctionInspector();
  const unlimited = new Set<object>();
  for (;;) {
    const captured = new Captured(inspector, unlimited);
    try {
      return await serializeInRounds(callback, captured);
    } catch (error) {
      if (!(error instanceof Uncarried)) {
        throw error;
      }
      // What a frozen object holds need not be what is read of it.
      const holders = [...captured.limited].filter(
        (holder) => findPath(holder, error.value, inspector) !== undefined,
      );
      if (holders.length === 0) {
        const subject = toSubject(callback, error, inspector);
        throw new ArgumentError(`callback: ${subject}${error.message}`);
      }
      for (const holder of holders) {
        unlimited.add(holder);
      }
    }
  }
}

function toSubject(
  callback: AnyFunction,
  { value }: Uncarried,
  inspector: FunctionInspector,
): string {
  if (value === undefined) {
    return "";
  }
  const path = findPath(callback, value, inspector);
  const captured = path === undefined ? "what it captures " : `captured ${path} `;
  return value === callback ? "it " : captured;
}

async function serializeInRounds(callback: AnyFunction, captured: Captured): Promise<string> {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    captured.made.startRound();
    captured.visit(callback);
    const result = await serializeOnce(callback, captured).catch((error: unknown) => {
      if (error instanceof Uncarried || !captured.made.hasGrown) {
        throw toArgumentError(error, captured);
      }
      return undefined;
    });
    if (result !== undefined && !captured.made.hasGrown) {
      captured.rules.refuseSharedVariables();
      await refuseSecrets(result, captured);
      return result.text;
    }
  }
  throw new ArgumentError(`callback: captured values lie more than ${MOST_ROUNDS} levels deep`);
}

async function serializeOnce(
  callback: AnyFunction,
  captured: Captured,
): Promise<pulumi.runtime.SerializedFunction> {
  const { parts, slots, globals, prelude, isEmpty } = captured.made;
  const end = await beginTurn(isEmpty ? [] : globals);
  const serialize = (value: unknown): boolean => {
    // It has read the global object. Outputs that it waits for now may need other closures.
    end();
    return captured.visit(value);
  };
  const options = { allowSecrets: true, serialize };
  try {
    if (isEmpty) {
      return await pulumi.runtime.serializeFunction(callback, options);
    }
    const reviver = makeReviver(callback, [...parts], slots);
    const factory = { ...options, isFactoryFunction: true };
    const result = await pulumi.runtime.serializeFunction(reviver, factory);
    return { ...result, text: prelude + result.text };
  } finally {
    end();
  }
}

/** The serializer knows what is global, and writes its name. Returns what ends the turn. */
async function beginTurn(globals: [name: string, value: unknown][]): Promise<() => void> {
  const before = lastTurn;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  lastTurn = promise;
  await before;
  for (const [name, value] of globals) {
    Object.defineProperty(globalThis, name, { value, configurable: true });
  }
  let hasEnded = false;
  return () => {
    for (const [name] of hasEnded ? [] : globals) {
      Reflect.deleteProperty(globalThis, name);
    }
    hasEnded = true;
    resolve(undefined);
  };
}

async function refuseSecrets(
  { containsSecrets }: pulumi.runtime.SerializedFunction,
  { outputs }: Captured,
): Promise<void> {
  if (!containsSecrets) {
    return;
  }
  for (const output of outputs) {
    if (await pulumi.isSecret(output)) {
      throw new Uncarried(
        output,
        "is a secret; pass it as a FunctionSecret in secrets and read " +
          `${FUNCTION_PATHS.secrets}/<name>`,
      );
    }
  }
}

function toArgumentError(error: unknown, { rules: { failed } }: Captured): Error {
  if (error instanceof Uncarried || error instanceof ArgumentError) {
    return error;
  }
  return failed === undefined
    ? new ArgumentError(`callback: cannot be serialized: ${toReason(error)}`)
    : new Uncarried(failed, "is a promise that has failed; make it inside the callback");
}

/** Pulumi's report in one line, without the text of the function at its end. */
function toReason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [report = ""] = message.split(/\n\s*Function code:/);
  const lines = report.split("\n").filter((line) => !line.startsWith("Error serializing"));
  const reason = lines.join(" ").replace(/\s+/g, " ").trim();
  return reason.length > 300 ? `${reason.slice(0, 297)}...` : reason;
}
