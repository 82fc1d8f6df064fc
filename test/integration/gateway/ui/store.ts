/** Functions of the store in the dialog that deploys. */
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Locator } from "playwright-core";
import { failure, json, type PageGateway } from "../../../support/page-gateway.ts";
import { type UiPage, waitForCount } from "../../../support/ui-page.ts";

const STORE = {
  version: "0.2.0",
  functions: [
    {
      ...{ name: "figlet", title: "Figlet", description: "Large <b>letters</b>" },
      ...{ images: { x86_64: "x/figlet:1", arm64: "x/figlet:1-arm64" }, fprocess: "figlet" },
      ...{ environment: { A: "1" }, labels: { team: "x" }, annotations: { topic: "t" } },
      readOnlyRootFilesystem: true,
    },
    { name: "echo", title: "Echo", description: "", images: { arm64: "x/echo:1" } },
    { name: "other", title: "Other", description: "", images: { armhf: "x/other:1" } },
  ],
};

/** Declares the tests. */
export function declareStore(get: () => PageGateway): void {
  describe("the store", () => {
    let gateway: PageGateway;
    let ui: UiPage;

    beforeAll(() => {
      gateway = get();
    });

    beforeEach(() => {
      gateway.answers.set("POST /system/functions", json(null, 202));
      gateway.answers.set("GET /system/info", json({ arch: "arm64" }));
      gateway.answers.set("GET /store", json(STORE));
    });

    const offers = (): Locator =>
      ui.dialog.getByRole("list", { name: "Functions of the store" }).getByRole("button");
    const summary = (): Locator => ui.dialog.getByText("Choose from the store");

    async function open(): Promise<void> {
      ui = await gateway.open();
      await ui.button("Deploy").click();
      await ui.dialog.waitFor();
    }

    test("fills in the form, which is deployed as usual", async () => {
      await open();
      await summary().click();
      await waitForCount(offers(), 2);
      expect(await offers().allInnerTexts()).toEqual(["Figlet\nLarge <b>letters</b>", "Echo"]);
      await ui.dialogField("Search the store").fill("LETTERS");
      await waitForCount(offers(), 1);
      expect(await ui.findViolations()).toEqual([]);
      await offers().click();
      await waitForCount(offers().and(ui.page.locator(":visible")), 0);
      expect(await ui.page.evaluate("document.activeElement.textContent")).toBe(
        "Choose from the store",
      );
      await ui.dialogField("Name").fill("banner");
      await ui.dialog.getByRole("button", { name: "Deploy", exact: true }).click();
      await ui.page.getByText("banner deployed.").waitFor();
      expect(gateway.sent("POST /system/functions")).toEqual([
        {
          ...{ service: "banner", namespace: "fn", image: "x/figlet:1-arm64" },
          ...{ envProcess: "figlet", envVars: { A: "1" } },
          ...{ labels: { team: "x" }, annotations: { topic: "t" }, readOnlyRootFilesystem: true },
        },
      ]);
    });

    test("is searched, and another choice leaves nothing of the one before", async () => {
      await open();
      await summary().click();
      await ui.dialogField("Search the store").fill("nothing");
      await ui.dialog.getByText("Nothing matches.").waitFor();
      await ui.dialogField("Search the store").fill("");
      await offers().first().click();
      await summary().click();
      await offers().last().click();
      await ui.dialog.getByRole("button", { name: "Deploy", exact: true }).click();
      await ui.page.getByText("echo deployed.").waitFor();
      expect(gateway.sent("POST /system/functions")).toEqual([
        { service: "echo", namespace: "fn", image: "x/echo:1" },
      ]);
    });

    test("says that there is nothing for the gateway's platform", async () => {
      gateway.answers.set("GET /system/info", json({ arch: "x" }));
      await open();
      await summary().click();
      await ui.dialog.getByText("There is nothing for x.").waitFor();
    });

    test("that cannot be read says why, and the rest works", async () => {
      gateway.answers.set(
        "GET /store",
        failure(503, "PLONK_STORE_UNAVAILABLE", "store: its source does not answer"),
      );
      await open();
      await summary().click();
      await ui.dialog
        .getByText("store: its source does not answer PLONK_STORE_UNAVAILABLE")
        .waitFor();
      await ui.dialogField("Name").fill("f");
      await ui.dialogField("Image").fill("i");
      await ui.dialog.getByRole("button", { name: "Deploy", exact: true }).click();
      await ui.page.getByText("f deployed.").waitFor();
    });

    test("is not there where the gateway has none", async () => {
      const held = gateway.hold("GET /store");
      await open();
      await held.wait();
      const answered = ui.page.waitForResponse("**/store");
      held.release(failure(404, "PLONK_NO_STORE", "store: this gateway has none"));
      await (await answered).finished();
      await ui.dialogField("Name").fill("f");
      expect(await summary().count()).toBe(0);
      expect(await ui.alert().count()).toBe(0);
    });
  });
}
