/** One function on the page: what is told of it, its scale, and its end. */
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import {
  describeFunction,
  failure,
  FORBIDDEN,
  json,
  type PageGateway,
} from "../../../support/page-gateway.ts";
import { type UiPage, waitForCount } from "../../../support/ui-page.ts";

/** The page asks for nothing again by itself. */
const NO_NEXT_LOOK = `{
  const { setTimeout } = window;
  window.setTimeout = (work, ms, ...rest) => setTimeout(work, ms >= 3000 ? 600_000 : ms, ...rest);
}`;

/** Declares the tests. */
export function declareFunction(get: () => PageGateway): void {
  describe("one function", () => {
    let gateway: PageGateway;
    let ui: UiPage;

    beforeAll(() => {
      gateway = get();
    });

    async function open(hash = ""): Promise<void> {
      ui = await gateway.open(hash);
    }

    describe("a function", () => {
      test("that there is not says so, and cannot be changed", async () => {
        await open("#/functions/fn/gone");
        await ui.page.getByText("There is no such function.").waitFor();
        expect([
          await ui.button("Edit").isDisabled(),
          await ui.button("Delete").isDisabled(),
        ]).toEqual([true, true]);
        await ui.page.keyboard.press("Escape");
        await ui.page.getByText("There are no functions yet.").waitFor();
        expect(await ui.page.evaluate("location.hash")).toBe("#/functions");
      });

      test("is described with all that was declared, and without values of its variables", async () => {
        gateway.show(
          describeFunction("f", {
            ...{ envProcess: "run me", labels: { a: "1", b: "2" }, annotations: { c: "3" } },
            ...{ envVars: { TOKEN: "canary" }, secrets: ["s"], limits: { memory: "1Gi" } },
            ...{ requests: { cpu: "1" }, readOnlyRootFilesystem: true, invocationCount: 1234 },
            code: { configMap: "f-0123456789ab" },
          }),
        );
        gateway.measure({
          ...{ name: "f", namespace: "fn", callsPerSecond: 2, errorsPerSecond: 0.001 },
          ...{ p50Seconds: 0.0004, p95Seconds: 1.5, inFlight: 3 },
        });
        await open("#/functions/fn/f");
        await ui.page.getByText("run me").waitFor();
        expect(await ui.pairs(".figures")).toEqual({
          ...{ "Calls/s": "2", Errors: "<0.1 %", p50: "400 µs", p95: "1.5 s", "In flight": "3" },
        });
        const { Created, ...declared } = await ui.pairs(".declaration");
        expect(Created).toMatch(/ago|now|yesterday|days/);
        expect(declared).toEqual({
          ...{ Image: "registry/f:1", Code: "f-0123456789ab", Calls: "1.23 k", Process: "run me" },
          ...{ Labels: "a=1\nb=2", Annotations: "c=3", Environment: "TOKEN", Secrets: "s" },
          ...{ Limits: "memory=1Gi", Requests: "cpu=1", "File system": "read only" },
        });
        expect(await ui.page.content()).not.toContain("canary");
      });

      test("of which nothing was declared says that there is none of it", async () => {
        gateway.show(describeFunction("f"));
        await open("#/functions/fn/f");
        await ui.page.getByText("registry/f:1").waitFor();
        const { Created, ...declared } = await ui.pairs(".declaration");
        expect(Created).not.toBe("");
        const none = ["Labels", "Annotations", "Environment", "Secrets", "Limits", "Requests"];
        expect(declared).toEqual({
          Image: "registry/f:1",
          ...Object.fromEntries(none.map((label) => [label, "none"])),
        });
        expect(await ui.pairs(".figures")).toEqual({
          "Calls/s": "–",
          Errors: "–",
          p50: "–",
          p95: "–",
        });
      });

      test("has an address that is copied, where the browser allows that", async () => {
        gateway.show(describeFunction("f"));
        await open("#/functions/fn/f");
        const button = ui.page.getByLabel("Copy the URL");
        await button.waitFor();
        const spy = (outcome: string): Promise<void> =>
          ui.page.evaluate(
            `navigator.clipboard.writeText = text => { window.copied = text; return ${outcome}; }`,
          );
        // Each is shown for a moment only.
        const clickUntil = async (text: string): Promise<void> => {
          await Promise.all([button.getByText(text).waitFor(), button.click()]);
        };
        await spy("Promise.resolve()");
        await clickUntil("Copied");
        expect(await ui.page.evaluate("window.copied")).toBe(`${gateway.url}/function/f.fn`);
        await spy("Promise.reject(new Error('no'))");
        await clickUntil("Not allowed");
        await button.getByText("Copy", { exact: true }).waitFor();
      });
    });

    describe("the scale", () => {
      beforeEach(async () => {
        gateway.show(describeFunction("f", { replicas: 1 }));
        gateway.answers.set("POST /system/scale-function/f", json(null, 202));
        await open("#/functions/fn/f");
        await ui.field("Replicas").waitFor();
      });

      const scaled = (): unknown[] => gateway.sent("POST /system/scale-function/f");

      test("goes up and down by one, and is written once it is another", async () => {
        expect(await ui.button("Scale").isDisabled()).toBe(true);
        await ui.button("One replica less").click();
        expect(await ui.button("One replica less").isDisabled()).toBe(true);
        await ui.button("One replica more").click();
        await ui.button("One replica more").click();
        await ui.button("Scale").click();
        await ui.page.getByText("f scales to 2.").waitFor();
        await ui.button("To zero").click();
        await ui.page.getByText("f scales to 0.").waitFor();
        expect(scaled()).toEqual([
          { serviceName: "f", namespace: "fn", replicas: 2 },
          { serviceName: "f", namespace: "fn", replicas: 0 },
        ]);
      });

      test("that is typed is a whole number that the gateway takes", async () => {
        const typed = { "-5": 0, "2.9": 2, "99999": 1000, "": 0 };
        for (const [text, replicas] of Object.entries(typed)) {
          await ui.field("Replicas").fill(text);
          await ui.button("Scale").click();
          await ui.page.getByText(`f scales to ${replicas}.`).waitFor();
          expect(scaled().at(-1)).toMatchObject({ replicas });
        }
      });

      test("that is refused says why, and stays to be tried again", async () => {
        gateway.answers.set("POST /system/scale-function/f", FORBIDDEN);
        await ui.button("One replica more").click();
        await ui.button("Scale").click();
        await ui.alert().getByText("you need the right").waitFor();
        expect([
          await ui.field("Replicas").inputValue(),
          await ui.button("Scale").isDisabled(),
        ]).toEqual(["2", false]);
      });
    });

    describe("a deletion", () => {
      beforeEach(async () => {
        gateway.show(describeFunction("f"));
        gateway.answers.set("DELETE /system/functions", json(null, 202));
        await open("#/functions/fn/f");
        await ui.page.getByText("registry/f:1").waitFor();
        await ui.button("Delete").click();
      });

      test("is asked for twice, and leads back to the list", async () => {
        expect(await ui.page.evaluate("document.activeElement.textContent")).toBe("Cancel");
        await ui.dialog.getByRole("button", { name: "Cancel" }).click();
        expect(gateway.count("DELETE /system/functions")).toBe(0);
        await ui.button("Delete").click();
        gateway.show();
        await ui.dialog.getByRole("button", { name: "Delete" }).click();
        await ui.page.getByText("f deleted.").waitFor();
        await ui.page.getByText("There are no functions yet.").waitFor();
        expect(gateway.sent("DELETE /system/functions")).toEqual([
          { functionName: "f", namespace: "fn" },
        ]);
      });

      test("is seen at once, also where the list was being asked for meanwhile", async () => {
        const held = gateway.hold("GET /system/functions");
        await gateway.look();
        await held.wait();
        await ui.page.evaluate(NO_NEXT_LOOK);
        await ui.dialog.getByRole("button", { name: "Delete" }).click();
        await ui.page.getByText("f deleted.").waitFor();
        held.release(json([describeFunction("f")]));
        gateway.show();
        await ui.page.getByText("There are no functions yet.").waitFor();
      });

      test("that is refused says why where it was asked for", async () => {
        const managed = failure(409, "PLONK_CONFLICT", "function f.fn is managed by Pulumi");
        gateway.answers.set("DELETE /system/functions", managed);
        await ui.dialog.getByRole("button", { name: "Delete" }).click();
        await ui.dialog.getByText("function f.fn is managed by Pulumi").waitFor();
        await ui.page.keyboard.press("Escape");
        await waitForCount(ui.dialog, 0);
        expect(await ui.page.getByRole("region", { name: "Function f" }).count()).toBe(1);
      });
    });
  });
}
