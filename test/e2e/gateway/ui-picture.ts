/** Calls functions so that there is something to see, and paints the page while they are called. */
import { setTimeout as sleep } from "node:timers/promises";
import { UiPage } from "../../support/ui-page.ts";
import type { UiWorld } from "./ui-world.ts";

/** Long enough for the numbers of the last minute to settle, milliseconds. */
const SETTLE_MS = 70_000;

/** Calls one after the other until the signal; `pauseMs` is the mean between two. */
export async function keepCalling(
  url: string,
  pauseMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const init = { method: "POST", body: "# hello", signal: AbortSignal.timeout(30_000) };
    await (await fetch(url, init)).arrayBuffer();
    await sleep(pauseMs * (0.5 + Math.random()));
  }
}

/** Writes a PNG of the page with functions at work. */
export async function paint({ stack, browser }: UiWorld, path: string): Promise<void> {
  const { url, password } = stack;
  const stop = new AbortController();
  const pauses = { hello: 30, markdown: 60, sha256: 250, "ui-code": 120 };
  const calls = Object.entries(pauses).map(([name, pauseMs]) =>
    keepCalling(`${url}/function/${name}`, pauseMs, stop.signal),
  );
  let ui: UiPage | undefined;
  try {
    ui = await UiPage.open(browser, { url, password, height: 820 });
    await ui.page.waitForTimeout(SETTLE_MS);
    await ui.openFunction("markdown");
    await ui.page.mouse.move(0, 0);
    await ui.page.waitForTimeout(1000);
    await ui.page.screenshot({ path });
  } finally {
    stop.abort();
    await ui?.close();
    await Promise.all(calls);
  }
}
