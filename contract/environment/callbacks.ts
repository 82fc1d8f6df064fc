/** Where answers of asynchronous calls may be sent, and how. */
import { Type } from "typebox";
import { durationSetting } from "./settings.ts";

/** Of gateway and queue-worker: what the one accepts, the other has to send. */
export const callbackSettings = {
  /**
   * Hosts that are called back although they are not public: addresses, ranges (`10.0.0.0/8`) and
   * names (`a.example.com`, `*.example.com`), separated by commas or blanks.
   */
  callback_allow: Type.String({ default: "" }),
  /** Longest time for one attempt at a callback, from its name's look-up to its answer's end. */
  callback_timeout: durationSetting("30s"),
  /** File with the key that callbacks are signed with. @default they are not signed */
  callback_key_path: Type.Optional(Type.String()),
};
