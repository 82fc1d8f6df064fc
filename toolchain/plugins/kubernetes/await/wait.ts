/** Waits until an object is ready, or gone. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Bag } from "../../lib/values.ts";
import type { Api, Place } from "../api.ts";
import { ANNOTATION, getAnnotation, getString } from "../metadata.ts";
import { explain } from "./explain.ts";
import type { Readiness } from "./conditions.ts";
import { findCheck } from "./readiness.ts";

/** Unless the resource or its annotation says otherwise, seconds. */
const TIMEOUT_SECONDS = 600;
/** First and longest time between two looks, milliseconds. */
const POLL_MS = { first: 100, last: 500 };

export interface WaitContext {
  api: Api;
  place: Place;
  signal: AbortSignal;
  timeoutSeconds: number;
  /** Called with what is being waited for whenever that changes. */
  report: (message: string) => void;
}

/** The outcome of a wait: the object as it is now, and why it is not ready if it is not. */
export interface WaitResult {
  object: Bag;
  /** Empty when the object is ready. */
  reasons: string[];
}

/** Time to wait: `customTimeouts`, then the annotation, then ten minutes. */
export function toTimeout(requestSeconds: number, object: Bag): number {
  if (requestSeconds > 0) return requestSeconds;
  const seconds = Number(getAnnotation(object, ANNOTATION.timeoutSeconds) ?? "0");
  return seconds > 0 ? seconds : TIMEOUT_SECONDS;
}

/** Looks at the object until it is ready, has failed, or the time is up: the result says which. */
export async function waitUntilReady(applied: Bag, context: WaitContext): Promise<WaitResult> {
  const deadline = Date.now() + context.timeoutSeconds * 1000;
  let object = applied;
  let pause = POLL_MS.first;
  let said = "";
  for (;;) {
    const readiness = await checkOnce(object, context);
    if (readiness.state === "ready") return { object, reasons: [] };
    if (readiness.reason !== said) context.report((said = readiness.reason));
    const verdict = toVerdict(readiness, deadline, context);
    if (verdict !== undefined) {
      return { object, reasons: await giveReasons(verdict, object, context) };
    }
    const found = await lookAgain(pause, context);
    if (found === "cancelled") return { object, reasons: [`cancelled while waiting: ${said}`] };
    if (!found) return { object, reasons: ["it was deleted while it was waited for"] };
    object = found;
    pause = Math.min(pause * 1.5, POLL_MS.last);
  }
}

async function lookAgain(
  pause: number,
  { api, place, signal }: WaitContext,
): Promise<Bag | "cancelled" | undefined> {
  try {
    await sleep(pause, undefined, { signal });
    return await api.find(place, signal);
  } catch (error) {
    if (signal.aborted) return "cancelled";
    throw error;
  }
}

/** One look, for a refresh. */
export async function checkNow(object: Bag, context: WaitContext): Promise<WaitResult> {
  const readiness = await checkOnce(object, context);
  if (readiness.state === "ready") return { object, reasons: [] };
  return { object, reasons: await giveReasons(readiness.reason, object, context) };
}

/** Returns when there is no object of that name, or another one than the given. */
export async function waitUntilGone(uid: string | undefined, context: WaitContext): Promise<void> {
  const deadline = Date.now() + context.timeoutSeconds * 1000;
  let pause = POLL_MS.first;
  for (;;) {
    const object = await context.api.find(context.place, context.signal);
    if (!object) return;
    if (uid !== undefined && getString(object, "metadata", "uid") !== uid) return;
    if (Date.now() > deadline) throw new Error(describeStuck(object, context));
    await sleep(pause, undefined, { signal: context.signal });
    pause = Math.min(pause * 1.5, POLL_MS.last);
  }
}

async function checkOnce(object: Bag, { api, place, signal }: WaitContext): Promise<Readiness> {
  const check = findCheck(place.gvk, object);
  if (!check) return { state: "ready", reason: "" };
  return check(object, { api, signal });
}

function toVerdict(
  { state, reason }: Readiness,
  deadline: number,
  { timeoutSeconds }: WaitContext,
): string | undefined {
  if (state === "failed") return reason;
  if (Date.now() > deadline) return `not ready after ${String(timeoutSeconds)} s: ${reason}`;
  return undefined;
}

async function giveReasons(verdict: string, object: Bag, context: WaitContext): Promise<string[]> {
  // The explanation is an extra: without the right to read events there is none.
  const details = await explain(object, context).catch(() => []);
  return [verdict, ...details];
}

function describeStuck(object: Bag, { timeoutSeconds }: WaitContext): string {
  const finalizers = object["metadata"] as Bag;
  const names = Array.isArray(finalizers["finalizers"]) ? finalizers["finalizers"] : [];
  const holders = names.length > 0 ? `; finalizers: ${names.map(String).join(", ")}` : "";
  return `still there ${String(timeoutSeconds)} s after its deletion${holders}`;
}
