/** The page in a real browser on the real cluster: everything that a person can do there. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { Stack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";
import { declareCalls } from "./ui-calls.ts";
import { declareChanges } from "./ui-changes.ts";
import { keepCalling, paint } from "./ui-picture.ts";
import { UiWorld } from "./ui-world.ts";

const minute = 60_000;

/** Where `PLONK_SCREENSHOT` names a file, the page is painted there with functions at work. */
const screenshot = process.env["PLONK_SCREENSHOT"];

/** Declares the tests; what they make is removed in the end. */
export function describeUi(stack: () => Stack): void {
  describe("the page", () => {
    let opened: UiWorld | undefined;
    const get = (): UiWorld => {
      if (opened === undefined) {
        throw new Error("page: expected an open one, got none");
      }
      return opened;
    };

    beforeAll(async () => {
      opened = await UiWorld.open(stack());
    }, 5 * minute);

    beforeEach(async () => {
      // A dialog that a failed test left open would fail all that come after it.
      const { ui } = get();
      if ((await ui.dialog.count()) > 0) {
        await ui.button("Close").last().click();
      }
    });

    afterAll(async () => {
      await opened?.close();
    }, minute);

    declareCalls(get);
    declareChanges(get);
    it(
      "shows calls per second, errors and latency of a function that is called",
      async () => {
        const world = get();
        const row = world.ui.row("ui-code");
        const stop = new AbortController();
        const calls = [
          keepCalling(`${world.stack.url}/function/ui-code/work`, 20, stop.signal),
          keepCalling(`${world.stack.url}/function/ui-code/fail`, 200, stop.signal),
        ];
        try {
          await until(
            "numbers in the row",
            async () => {
              const cells = await row.locator("td").allInnerTexts();
              const [, perSecond = "", errors = "", p50 = "", p95 = ""] = cells;
              const isTime = (text: string): boolean => /^[\d.]+ m?s$/.test(text);
              return (
                Number(perSecond) > 1 && /^[1-9].* %$/.test(errors) && [p50, p95].every(isTime)
              );
            },
            2 * minute,
          );
        } finally {
          stop.abort();
          await Promise.all(calls);
        }
      },
      3 * minute,
    );

    it(
      "leads to the API's document",
      async () => {
        const world = get();
        expect(await world.ui.page.getByRole("link", { name: "API" }).getAttribute("href")).toBe(
          "/docs/",
        );
        expect((await world.api("/docs/")).status).toBe(200);
      },
      minute,
    );

    it(
      "did all that without an error on the console or a request to another origin",
      async () => {
        const world = get();
        expect(world.ui.problems).toEqual([]);
        if (screenshot !== undefined) {
          await paint(world, screenshot);
        }
      },
      5 * minute,
    );
  });
}
