/** Answers after a while, to try out time-outs and limits: `?seconds=0.5`, or the environment. */
import { setTimeout as sleep } from "node:timers/promises";

/** What a timer can count. */
const MAX_SECONDS = 2_000_000;

export default {
  async fetch(request) {
    const asked = new URL(request.url).searchParams.get("seconds");
    const text = asked ?? process.env["sleep_seconds"] ?? "";
    const seconds = /^\d{1,7}(\.\d{1,3})?$/.test(text) ? Number(text) : MAX_SECONDS + 1;
    if (seconds > MAX_SECONDS) {
      const expected = `seconds: expected a number up to ${MAX_SECONDS}, got ${JSON.stringify(text)}`;
      return new Response(`${expected}\n`, { status: 400 });
    }
    // It ends with its call.
    await sleep(seconds * 1000, undefined, { signal: request.signal });
    return new Response(`slept for ${seconds} s\n`);
  },
};
