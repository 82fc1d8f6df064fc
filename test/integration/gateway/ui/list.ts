/** The page's list of functions, whatever the gateway answers. */
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Locator } from "playwright-core";
import {
  describeFunction,
  failure,
  FORBIDDEN,
  json,
  type PageGateway,
} from "../../../support/page-gateway.ts";
import { type UiPage, waitForCount } from "../../../support/ui-page.ts";
import { until } from "../../../support/until.ts";

/** Declares the tests. */
export function declareList(get: () => PageGateway): void {
  describe("the list", () => {
    const LONG = "n".repeat(63);
    let gateway: PageGateway;
    let ui: UiPage;

    beforeAll(() => {
      gateway = get();
    });

    async function open(hash = ""): Promise<void> {
      ui = await gateway.open(hash);
    }

    const tile = (label: string): Locator =>
      ui.page.locator(".tile").filter({ hasText: label }).locator(".tile-value");

    describe("before anything is known", () => {
      test("the page waits for its namespaces, then for its functions, and says so", async () => {
        const namespaces = gateway.hold("GET /system/namespaces");
        const functions = gateway.hold("GET /system/functions");
        await open();
        await namespaces.wait();
        expect(await ui.page.locator("main").innerText()).toBe("");
        namespaces.release(json(["fn"]));
        await ui.page.getByText("Loading…").waitFor();
        expect(await tile("Functions").innerText()).toBe("–");
        functions.release(json([]));
        await ui.page.getByText("There are no functions yet.").waitFor();
        expect([await tile("Functions").innerText(), await tile("Errors").innerText()]).toEqual([
          "0",
          "–",
        ]);
        await ui.button("Deploy the first one").click();
        await ui.dialog.getByRole("heading", { name: "Deploy a function" }).waitFor();
      });

      test("who may not look is told so, and comes in as soon as that is allowed", async () => {
        gateway.answers.set("GET /system/namespaces", FORBIDDEN);
        await open();
        await ui.alert().waitFor();
        expect(await ui.alert().innerText()).toBe(
          "Forbidden: you need the right to look. PLONK_FORBIDDEN",
        );
        expect(gateway.count("GET /system/functions")).toBe(0);
        gateway.answers.set("GET /system/namespaces", json(["fn"]));
        await gateway.look();
        await ui.page.getByText("There are no functions yet.").waitFor();
        expect(await ui.alert().count()).toBe(0);
      });

      test("a gateway that is gone is told in words, and what was seen stays", async () => {
        gateway.show(describeFunction("f"));
        await open();
        await ui.link("f").waitFor();
        await ui.page.context().setOffline(true);
        await gateway.look();
        await ui.alert().first().waitFor();
        expect(await ui.alert().first().innerText()).toBe(
          "The gateway cannot be reached. NO_ANSWER",
        );
        expect(await ui.link("f").count()).toBe(1);
        // The browser itself says so on its console, for as long as it is so.
        const said = "Failed to load resource: net::ERR_INTERNET_DISCONNECTED";
        expect(new Set(await gateway.leave())).toEqual(new Set([said]));
      });
    });

    describe("namespaces", () => {
      test("are shown with each function, and chosen one by one", async () => {
        gateway.answers.set("GET /system/namespaces", json(["fn", "team"]));
        gateway.show(describeFunction("f"), describeFunction("f", { namespace: "team" }));
        await open();
        await waitForCount(ui.link("f"), 2);
        expect(await ui.page.locator("tbody .namespace-tag").allInnerTexts()).toEqual([
          "fn",
          "team",
        ]);
        await ui.page.getByLabel("Namespace").selectOption("team");
        await waitForCount(ui.link("f"), 1);
        expect(await tile("Functions").innerText()).toBe("1");
        gateway.asked = [];
        await gateway.look();
        await until("the next look", () => gateway.count("GET /system/functions") > 0);
        const looked = gateway.asked.filter(({ what }) => what === "GET /system/functions");
        expect(new Set(looked.map(({ query }) => query.get("namespace")))).toEqual(
          new Set(["team"]),
        );
        gateway.answers.set("GET /system/namespaces", json(["fn"]));
        await gateway.look();
        await ui.page
          .locator("tbody")
          .getByText("fn", { exact: true })
          .waitFor({ state: "detached" });
        await ui.link("f").waitFor();
      });

      test("with the longest names leave the page as wide as its window", async () => {
        const image = `registry.example/${"i".repeat(200)}@sha256:${"0".repeat(64)}`;
        const labels = { [`a/${"l".repeat(63)}`]: "v".repeat(63) };
        gateway.answers.set("GET /system/namespaces", json([LONG, "fn"]));
        gateway.show(describeFunction(LONG, { namespace: LONG, image, labels }));
        for (const width of [360, 1360]) {
          await open();
          await ui.page.setViewportSize({ width, height: 860 });
          const wide = (): Promise<number> =>
            ui.page.evaluate("document.documentElement.scrollWidth");
          await ui.link(LONG).waitFor();
          expect(await wide()).toBe(width);
          await ui.link(LONG).click();
          await ui.page.getByText(image).waitFor();
          expect(await wide()).toBe(width);
        }
      });
    });

    describe("the summary", () => {
      test("adds up what is shown, and has the queue where there is one", async () => {
        gateway.show(describeFunction("f", { replicas: 3 }), describeFunction("g"));
        gateway.measure(
          { name: "f", namespace: "fn", callsPerSecond: 1500, errorsPerSecond: 15 },
          { name: "g", namespace: "fn", callsPerSecond: 500, errorsPerSecond: 5 },
        );
        const queue = { name: "faas-request", pending: 1200, inFlight: 3, redelivered: 0 };
        gateway.answers.set("GET /system/queue", json(queue));
        await open();
        await ui.page.getByRole("group", { name: "Queue faas-request" }).waitFor();
        await ui.link("g").waitFor();
        const values = ["Functions", "Replicas ready", "Calls per second", "Errors"].map(tile);
        expect(await Promise.all(values.map((value) => value.innerText()))).toEqual([
          "2",
          "2 / 4",
          "2 k",
          "1 %",
        ]);
        expect(await ui.pairs(".queue")).toEqual({
          waiting: "1.2 k",
          "in flight": "3",
          "tried again": "0",
        });
      });

      test("says why the queue cannot be asked, and asks for none that there is not", async () => {
        const away = failure(503, "PLONK_QUEUE_UNAVAILABLE", "queue: not reachable");
        gateway.answers.set("GET /system/queue", away);
        await open();
        await ui.page.getByText("queue: not reachable").waitFor();
        gateway.answers.set("GET /system/queue", failure(404, "PLONK_NO_QUEUE", "none"));
        await gateway.look();
        await ui.alert().waitFor({ state: "detached" });
        const before = gateway.count("GET /system/queue");
        const looks = gateway.count("GET /system/functions");
        await gateway.look();
        await until("another look", () => gateway.count("GET /system/functions") > looks);
        expect(gateway.count("GET /system/queue")).toBe(before);
      });
    });

    describe("the list", () => {
      beforeEach(async () => {
        gateway.show(
          describeFunction("off", { replicas: 0, availableReplicas: 0 }),
          describeFunction("on", { replicas: 2, availableReplicas: 2 }),
          describeFunction("between", { replicas: 2, availableReplicas: 1 }),
        );
        await open();
        await ui.link("on").waitFor();
      });

      test("says in words what its dots say, and what a filter has found", async () => {
        const dots = await ui.page.locator("tbody [role=img]").all();
        const words = await Promise.all(dots.map((dot) => dot.getAttribute("aria-label")));
        expect(words).toEqual(["changing", "scaled to zero", "ready"]);
        await ui.field("Filter functions").fill("o");
        const status = ui.page.locator(".list [role=status]");
        expect(await status.innerText()).toBe("2 of 3 functions");
        await ui.field("Filter functions").fill("");
        expect(await status.innerText()).toBe("");
      });

      test("tells its order, and turns it round by the same button", async () => {
        const sorted = async (): Promise<string[]> => {
          const heads = await ui.page.locator("thead th").all();
          const told = await Promise.all(heads.map((head) => head.getAttribute("aria-sort")));
          return told.map((each) => each ?? "");
        };
        const none = Array<string>(4).fill("none");
        expect(await sorted()).toEqual(["ascending", "none", ...none]);
        await ui.page.getByRole("button", { name: "Replicas" }).click();
        expect(await sorted()).toEqual(["none", "descending", ...none]);
        await ui.page.getByRole("button", { name: "Replicas" }).click();
        expect(await sorted()).toEqual(["none", "ascending", ...none]);
      });

      test("heeds no key while somebody types, holds another key or reads a dialog", async () => {
        await ui.field("Filter functions").fill("");
        await ui.page.keyboard.type("n?");
        expect([await ui.dialog.count(), await ui.field("Filter functions").inputValue()]).toEqual([
          0,
          "n?",
        ]);
        await ui.page.keyboard.press("Escape");
        await ui.page.keyboard.press("Control+n");
        await ui.page.keyboard.press("Alt+?");
        expect(await ui.dialog.count()).toBe(0);
        await ui.page.keyboard.press("?");
        await ui.dialog.getByRole("heading").waitFor();
        await ui.page.keyboard.press("n");
        expect(await ui.dialog.getByRole("heading").innerText()).toBe("Keyboard");
        expect(await ui.dialog.locator("dt").count()).toBe(8);
      });
    });
  });
}
