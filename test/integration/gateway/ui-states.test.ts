/** The page in a real browser, whatever the gateway answers; all tests share one window. */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "@jest/globals";
import { launchChromium } from "../../support/chromium.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { PageGateway } from "../../support/page-gateway.ts";
import { declareDialogs } from "./ui/dialogs.ts";
import { declareFunction } from "./ui/function.ts";
import { declareList } from "./ui/list.ts";
import { declarePanels } from "./ui/panels.ts";
import { declareStore } from "./ui/store.ts";

const atEnd = collectCleanups(afterAll);
let gateway: PageGateway;

beforeAll(async () => {
  const browser = await launchChromium();
  atEnd(() => browser.close());
  gateway = await PageGateway.start(browser);
  atEnd(() => gateway.stop());
}, 300_000);

beforeEach(() => gateway.reset());

afterEach(async () => {
  expect(await gateway.leave()).toEqual([]);
});

declareList(() => gateway);
declareFunction(() => gateway);
declareDialogs(() => gateway);
declareStore(() => gateway);
declarePanels(() => gateway);
