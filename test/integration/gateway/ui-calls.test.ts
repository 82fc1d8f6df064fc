/** Queued calls by pages in a real browser, the gateway's own and others, with a real NATS. */
import { createServer } from "node:http";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Browser } from "playwright-core";
import { listen } from "../../../services/lib/servers.ts";
import { buildAssets } from "../../../toolchain/images/assets.ts";
import { createImageContext } from "../../../toolchain/images/context.ts";
import { PACKAGE_ROOT } from "../../../toolchain/images/package.ts";
import { launchChromium } from "../../support/chromium.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { LetterWorld, succeed } from "../../support/letter-world.ts";
import { stopServer } from "../../support/network.ts";
import { UiPage } from "../../support/ui-page.ts";
import { until } from "../../support/until.ts";

const atEnd = collectCleanups(afterAll);
let letters: LetterWorld;
let browser: Browser;
let ui: UiPage;

beforeAll(async () => {
  const assets = await buildAssets(createImageContext(), PACKAGE_ROOT);
  letters = await LetterWorld.create({ assets_directory: assets?.directory ?? "" });
  atEnd(() => letters.close());
  browser = await launchChromium();
  atEnd(() => browser.close());
}, 300_000);

afterEach(() => letters.reset());

async function open(): Promise<void> {
  const { url } = letters.world.gateway;
  ui = await UiPage.open(browser, { url, password: "admin-password" });
  await ui.page.getByRole("link", { name: "Calls", exact: true }).click();
}

/** Ends a test's page; what it must not do is a failure of the test. */
async function finish(): Promise<void> {
  const { problems } = ui;
  await ui.close();
  expect(problems).toEqual([]);
}

test("shows calls that wait, and cancels one", async () => {
  const headers = { "x-delay-seconds": "3600" };
  const id = await letters.world.enqueue("f/path", { headers });
  await open();
  const row = ui.page.getByRole("row").filter({ hasText: id });
  await row.getByText("f/path").waitFor();
  await row.getByText(/^due /).waitFor();
  await ui.page.getByText("There are no dead letters.").waitFor();
  expect(await ui.findViolations()).toEqual([]);
  await ui.button(`Cancel ${id}`).click();
  await ui.dialog.getByRole("button", { name: "Cancel the call" }).click();
  await ui.page.getByText("The call is cancelled.").waitFor();
  await ui.page.getByText("No call is queued.").waitFor();
  await ui.field("State").selectOption("cancelled");
  await row.waitFor();
  expect(await ui.button(`Cancel ${id}`).count()).toBe(0);
  await finish();
});

test("sends a dead letter again, and deletes another", async () => {
  const [one = "", two = ""] = await letters.bury(["f/one", "f/two"]);
  const [first, second] = [await letters.sequenceOf(one), await letters.sequenceOf(two)];
  await open();
  await ui.page.getByText("status 500 after 1 attempts").first().waitFor();
  expect(await ui.findViolations()).toEqual([]);
  letters.answer = succeed;
  letters.seen = [];
  letters.world.startWorker();
  await ui.button(`Send again ${first}`).click();
  await ui.page.getByText(`Dead letter ${first} is in the queue again.`).waitFor();
  await until("the call", () => letters.seen.length === 1);
  expect(letters.seen[0]?.url).toBe("/one");
  await ui.button(`Delete ${second}`).click();
  await ui.dialog.getByRole("button", { name: "Delete" }).click();
  await ui.page.getByText("There are no dead letters.").waitFor();
  expect(await letters.list()).toEqual([]);
  await finish();
});

test("says what is wrong while the queue is away", async () => {
  await letters.world.nats.halt();
  await open();
  await ui.page.getByText("queue: not reachable").first().waitFor();
  await finish();
  await letters.world.startNats();
  await until(
    "the queue",
    async () => (await letters.world.ask("/async/dead-letters")).status === 200,
  );
});

test("lets a page of another site queue calls where the function says so, and read their ids", async () => {
  const { gateway } = letters.world;
  const site = createServer((_request, response) => {
    response.setHeader("content-type", "text/html").end("<title>another site</title>");
  });
  const origin = `http://127.0.0.1:${await listen(site, 0, "127.0.0.1")}`;
  atEnd(() => stopServer(site));
  gateway.declare("open", { annotations: { "plonk/async-origins": origin } });
  await gateway.settle();
  const page = await browser.newPage();
  await page.goto(origin);
  const call = (name: string): Promise<string> =>
    page.evaluate(
      async ([url = "", header = ""]) => {
        const init = { method: "POST", body: "{}", headers: { "content-type": header } };
        const answer = await fetch(url, init).catch(String);
        return typeof answer === "string"
          ? answer
          : `${answer.status} ${answer.headers.get("x-call-id") ?? ""}`;
      },
      // Not one of those that a page may send without asking.
      [`${gateway.url}/async-function/${name}`, "application/json"],
    );
  expect(await call("open")).toMatch(/^202 \d+-[\w-]{16}$/);
  expect(await call("f")).toBe("TypeError: Failed to fetch");
  await page.close();
});
