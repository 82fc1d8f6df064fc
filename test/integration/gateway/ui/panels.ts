/** Calls of a function from the page, and its log: what is sent, and whatever comes back. */
import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { describeFunction, failure, type PageGateway } from "../../../support/page-gateway.ts";
import { type UiPage, waitForCount } from "../../../support/ui-page.ts";
import { until } from "../../../support/until.ts";

/** Declares the tests. */
export function declarePanels(get: () => PageGateway): void {
  describe("calls and logs", () => {
    let gateway: PageGateway;
    let ui: UiPage;

    beforeAll(() => {
      gateway = get();
    });

    beforeEach(() => {
      gateway.show(describeFunction("f"), describeFunction("g"));
    });

    describe("a call", () => {
      const POST = "POST /function/f.fn";
      const answer = (body: string | Buffer, type = "text/plain", status = 200): void => {
        for (const method of ["POST", "GET", "PUT"]) {
          gateway.answers.set(`${method} /function/f.fn`, (response) => {
            response.writeHead(status, { "content-type": type }).end(body);
          });
        }
      };

      beforeEach(async () => {
        ui = await gateway.open("#/functions/fn/f/invoke");
        await ui.field("Body").waitFor();
      });

      test("is not sent with a header that is none, which is named", async () => {
        await ui.field("Headers").fill("X-A: 1\nnonsense");
        await ui.button("Send").click();
        await ui.alert().getByText('Expected a line like name:value, got "nonsense".').waitFor();
        expect(gateway.count(POST)).toBe(0);
      });

      test("without a body by method has none, whatever was typed, and says so", async () => {
        answer("ok");
        await ui.field("Body").fill("typed");
        await ui.field("Method").selectOption("GET");
        expect(await ui.field("Body").isDisabled()).toBe(true);
        await ui.page.getByText("GET has no body.").waitFor();
        await ui.invoke({ "Content type": "" });
        const [asked] = gateway.asked.filter(({ what }) => what === "GET /function/f.fn");
        expect([
          asked?.body,
          asked?.headers["content-type"],
          asked?.headers["content-length"],
        ]).toEqual(["", undefined, undefined]);
        await ui.field("Method").selectOption("PUT");
        await ui.invoke({});
        expect(gateway.asked.findLast(({ what }) => what === "PUT /function/f.fn")?.body).toBe(
          "typed",
        );
      });

      test("that is queued is a POST, and may name who gets the answer", async () => {
        gateway.answers.set("POST /async-function/f.fn/p", (response) => {
          response.writeHead(202, { location: "/async/calls/1-a" }).end();
        });
        await ui.field("Method").selectOption("GET");
        await ui.page.getByText("Queue it", { exact: true }).click();
        expect([
          await ui.field("Method").inputValue(),
          await ui.field("Method").isDisabled(),
        ]).toEqual(["POST", true]);
        await ui.page.getByText("below /async-function/f.fn").waitFor();
        const fields = { "Path and query": "p", "Callback URL": "http://a.example/", Body: "b" };
        const { line } = await ui.invoke(fields);
        expect(line).toMatch(/^202 Accepted/);
        await ui.page.getByText("The body is empty.").waitFor();
        expect(await ui.button("Download").count()).toBe(0);
        const [asked] = gateway.asked.filter(({ what }) => what.includes("/async-function/"));
        expect([asked?.body, asked?.headers["x-callback-url"]]).toEqual(["b", "http://a.example/"]);
      });

      test("is answered by JSON, indented, or by any text as it is", async () => {
        answer('{"a":[1]}', "application/json");
        expect((await ui.invoke({})).body).toBe('{\n  "a": [\n    1\n  ]\n}');
        answer("a <b>b</b>", "text/html");
        await ui.button("Send").click();
        await ui.page.locator("pre.body").getByText("a <b>b</b>").waitFor();
      });

      test("is answered by bytes, which are downloaded as they came", async () => {
        const bytes = Buffer.from([0, 255, 10, 13, 0]);
        answer(bytes, "image/png");
        await ui.invoke({});
        await ui.page.getByText("The body is binary: download it to see it.").waitFor();
        const downloading = ui.page.waitForEvent("download");
        await ui.button("Download").click();
        const download = await downloading;
        expect(download.suggestedFilename()).toBe("f.png");
        expect((await readFile(await download.path())).equals(bytes)).toBe(true);
      });

      test("is answered by much, of which the beginning is shown", async () => {
        answer("x".repeat(300_000));
        const { line, body } = await ui.invoke({});
        expect([line.includes("300 kB"), body.length]).toEqual([true, 256 * 1024]);
        await ui.page.getByText("This is the beginning: the download has all of it.").waitFor();
      });

      test("that fails at the function is marked, with its headers", async () => {
        answer("no", "text/plain", 503);
        await ui.invoke({});
        expect(await ui.page.locator(".status").getAttribute("class")).toContain("is-bad");
        await ui.page.getByText(/^Headers \(\d+\)$/).click();
        await ui.page.locator(".headers dt").getByText("content-type", { exact: true }).waitFor();
      });

      test("without an answer says so in place of the last one", async () => {
        answer("first");
        await ui.invoke({});
        gateway.answers.set(POST, (response) => response.destroy());
        await ui.button("Send").click();
        await ui.alert().getByText("There is no answer: Failed to fetch.").waitFor();
        expect(await ui.page.getByRole("region", { name: "Answer" }).count()).toBe(0);
        // The browser itself says so on its console, before or after.
        const said = /^Failed to load resource: net::ERR_(EMPTY_RESPONSE|CONNECTION_RESET)$/;
        expect(await gateway.leave()).toEqual([expect.stringMatching(said)]);
      });

      test("is not sent a second time by its key while it is on its way", async () => {
        const held = gateway.hold(POST);
        await ui.field("Body").press("Control+Enter");
        await held.wait();
        await ui.field("Body").press("Control+Enter");
        expect(await ui.button("Send").isDisabled()).toBe(true);
        held.release((response) => response.end("done"));
        await ui.page.locator("pre.body").getByText("done").waitFor();
        expect(gateway.count(POST)).toBe(1);
      });

      test("stays with its answer while one looks at another view, and with its own function", async () => {
        answer("kept");
        await ui.invoke({ Body: "typed" });
        await ui.page.getByRole("tab", { name: "Overview" }).click();
        await ui.page.getByText("registry/f:1").waitFor();
        await ui.page.getByRole("tab", { name: "Invoke" }).click();
        const body = ui.page.getByRole("textbox", { name: "Body" });
        expect(await body.inputValue()).toBe("typed");
        expect(await ui.page.locator("pre.body").innerText()).toBe("kept");
        await ui.openFunction("g", "Invoke");
        expect(await body.inputValue()).toBe("");
        await ui.page.goBack();
        await ui.page.goBack();
        expect(await ui.page.evaluate("location.hash")).toBe("#/functions");
      });
    });

    describe("a log", () => {
      const LOGS = "GET /system/logs";
      let written: ServerResponse[];

      const toLine = (text: string, instance = "f-abc-12345"): string =>
        `${JSON.stringify({ name: "f", namespace: "fn", instance, timestamp: "2026-11-21T12:00:00Z", text })}\n`;
      /** Writes lines to the log that is followed now. */
      const write = (...lines: string[]): void => void written.at(-1)?.write(lines.join(""));
      const texts = (): Promise<string[]> => ui.page.locator(".log-text").allInnerTexts();
      const state = (): Promise<string> => ui.page.locator(".log-state").innerText();

      beforeEach(async () => {
        written = [];
        gateway.answers.set(LOGS, (response) => {
          response.writeHead(200, { "content-type": "application/x-ndjson" }).flushHeaders();
          written.push(response);
        });
        ui = await gateway.open("#/functions/fn/f/logs");
        await until("the log", () => written.length === 1);
      });

      test("is followed from its last hundred lines on, and says so before there is any", async () => {
        await ui.page.getByText("Following").waitFor();
        expect(await state()).toMatch(/Following\s+· 0 lines/);
        write(toLine("one"), toLine("two"));
        await waitForCount(ui.page.locator(".log-line"), 2);
        expect([await texts(), await state()]).toEqual([
          ["one", "two"],
          expect.stringContaining("2 lines"),
        ]);
        expect(await ui.page.locator(".instance").first().innerText()).toBe("12345");
        const [asked] = gateway.asked.filter(({ what }) => what === LOGS);
        expect(Object.fromEntries(asked?.query ?? [])).toEqual({
          ...{ name: "f", namespace: "fn", tail: "100", follow: "true" },
        });
      });

      test("shows what a function writes as text, whatever it is", async () => {
        const text = '<img src=x onerror=alert(1)> \u001b[31mred "quoted"';
        write(toLine(text));
        await waitForCount(ui.page.locator(".log-line"), 1);
        expect(await ui.page.locator(".log-text").textContent()).toBe(text);
        expect(await ui.page.locator(".log-lines img").count()).toBe(0);
      });

      test("is held while it is paused, and loses nothing of that", async () => {
        write(toLine("before"));
        await waitForCount(ui.page.locator(".log-line"), 1);
        await ui.button("Pause").click();
        await ui.page.getByText("Paused").waitFor();
        write(toLine("meanwhile"));
        await ui.field("Filter lines").fill("BEFORE");
        await ui.field("Filter lines").fill("");
        expect(await texts()).toEqual(["before"]);
        await ui.button("Resume").click();
        await waitForCount(ui.page.locator(".log-line"), 2);
        await ui.button("Clear").click();
        await waitForCount(ui.page.locator(".log-line"), 0);
        write(toLine("after"));
        await waitForCount(ui.page.locator(".log-line"), 1);
        expect(await texts()).toEqual(["after"]);
      });

      test("keeps the last two thousand lines", async () => {
        write(...Array.from({ length: 2500 }, (_, index) => toLine(`line ${index}`)));
        await ui.page.getByText("line 2499", { exact: true }).waitFor();
        expect(await ui.page.locator(".log-line").count()).toBe(2000);
        expect(await ui.page.locator(".log-text").first().innerText()).toBe("line 500");
        const place =
          "(b => b.scrollHeight - b.scrollTop - b.clientHeight)(document.querySelector('.log-lines'))";
        expect(await ui.page.evaluate(place)).toBeLessThan(40);
      });

      test("is that of one instance, or of more lines, where one asks for it", async () => {
        write(toLine("a", "f-1"), toLine("b", "f-2"));
        await waitForCount(ui.field("Instance").locator("option"), 3);
        await ui.field("Instance").selectOption("f-2");
        await until("the second log", () => written.length === 2);
        write(toLine("b", "f-2"));
        await waitForCount(ui.page.locator(".log-line"), 1);
        expect(await ui.field("Instance").locator("option").allInnerTexts()).toEqual([
          "All instances",
          "f-1",
          "f-2",
        ]);
        await ui.field("Lines to begin with").selectOption("All");
        await until("the third log", () => written.length === 3);
        const last = gateway.asked.findLast(({ what }) => what === LOGS);
        expect(Object.fromEntries(last?.query ?? [])).toMatchObject({ tail: "0", instance: "f-2" });
        await until("the first log to be left", () => written[0]?.destroyed === true);
      });

      test("that ends is read again when one asks for it, and its lines stay until then", async () => {
        write(toLine("old"));
        await waitForCount(ui.page.locator(".log-line"), 1);
        written[0]?.end();
        await ui.page.getByText("The log has ended.").waitFor();
        expect(await texts()).toEqual(["old"]);
        await ui.button("Reconnect").click();
        await until("the second log", () => written.length === 2);
        write(toLine("new"));
        await ui.page.getByText("new", { exact: true }).waitFor();
        expect(await texts()).toEqual(["new"]);
      });

      test("that cannot be read says why, and is tried again", async () => {
        const reason = "log request failed: the pods are not known now";
        gateway.answers.set(LOGS, failure(503, "PLONK_LOGS_UNAVAILABLE", reason));
        await ui.openFunction("g", "Logs");
        await ui.alert().getByText(reason).waitFor();
        await ui.page.getByText("The log has ended.").waitFor();
        gateway.answers.set(LOGS, (response) => void response.writeHead(200).end(toLine("there")));
        await ui.button("Reconnect").click();
        await ui.page.getByText("there", { exact: true }).waitFor();
        expect(await ui.alert().count()).toBe(0);
      });
    });
  });
}
