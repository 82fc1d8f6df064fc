/** The platform's time-outs of a call, which gateway and operator read from the environment. */
import type { Type } from "typebox";
import { parseDuration } from "../duration.ts";
import { type CallTimeouts, TIMEOUT_SETTINGS } from "../timeouts.ts";
import { durationSetting } from "./settings.ts";

const { connect, firstByte, idle, call } = TIMEOUT_SETTINGS;

/** For a service's schema. */
export const timeoutSettings = {
  [connect.variable]: durationSetting(connect.text),
  [firstByte.variable]: durationSetting(firstByte.text),
  [idle.variable]: durationSetting(idle.text),
  [call.variable]: durationSetting(call.text),
} satisfies Record<string, ReturnType<typeof Type.String>>;

/** Parses the settings that the schema has read. */
export function toTimeouts(raw: Record<keyof typeof timeoutSettings, string>): CallTimeouts {
  return {
    connectMs: parseDuration(raw[connect.variable]),
    firstByteMs: parseDuration(raw[firstByte.variable]),
    idleMs: parseDuration(raw[idle.variable]),
    callMs: parseDuration(raw[call.variable]),
  };
}
