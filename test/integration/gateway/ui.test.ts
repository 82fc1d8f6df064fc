/** The page in a real browser; Kubernetes, Prometheus and functions do as they are told. */
import { createServer } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Browser } from "playwright-core";
import { closeServer, listen } from "../../../services/lib/servers.ts";
import { buildAssets } from "../../../toolchain/images/assets.ts";
import { createImageContext } from "../../../toolchain/images/context.ts";
import { PACKAGE_ROOT } from "../../../toolchain/images/package.ts";
import { launchChromium } from "../../support/chromium.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { echo, FUNCTIONS, TestGateway } from "../../support/gateway.ts";
import { UiPage, waitForCount } from "../../support/ui-page.ts";
import { until } from "../../support/until.ts";
import { UserFolder } from "../../support/users.ts";

const minute = 60_000;
const PASSWORD = "admin-password";
const users = new UserFolder();

/** Calls per second by function, as Prometheus has them. */
const rates = new Map<string, number>();
const prometheus = createServer((request, response) => {
  const query = new URL(request.url ?? "", "http://x").searchParams.get("query") ?? "";
  const isTime = query.startsWith("histogram_quantile");
  const result = [...rates].map(([name, rate]) => {
    const value = isTime ? 0.012 : query.includes("5..") ? rate / 10 : rate;
    return { metric: { function_name: `${name}.openfaas-fn` }, value: [0, String(value)] };
  });
  response.end(JSON.stringify({ data: { resultType: "vector", result } }));
});

const atEnd = collectCleanups(afterAll);
let gateway: TestGateway;
let browser: Browser;
let ui: UiPage;

beforeAll(async () => {
  const assets = await buildAssets(createImageContext(), PACKAGE_ROOT);
  const prometheusPort = await listen(prometheus, 0, "127.0.0.1");
  atEnd(() => closeServer(prometheus));
  gateway = await TestGateway.start({
    assets_directory: assets?.directory ?? "",
    faas_prometheus_port: String(prometheusPort),
    basic_auth: "true",
    secret_mount_path: users.path,
  });
  atEnd(() => gateway.stop());
  await gateway.serve("echo", echo);
  gateway.declare("idle", { replicas: 0 });
  gateway.declare("busy", { replicas: 3 }, { status: { availableReplicas: 1 } });
  rates.set("busy", 20);
  browser = await launchChromium();
  atEnd(() => browser.close());
}, 5 * minute);

beforeEach(async () => {
  ui = await UiPage.open(browser, { url: gateway.url, password: PASSWORD });
  await ui.link("echo").waitFor();
});

afterAll(() => users.remove());

/** Ends a test's page; what it must not do is a failure of the test. */
async function finish(): Promise<void> {
  const { problems } = ui;
  await ui.close();
  expect(problems).toEqual([]);
}

describe("the list", () => {
  test("shows replicas, calls, errors and latency, and no queue where there is none", async () => {
    const cells = await ui.row("busy").locator("td").allInnerTexts();
    expect(cells.map((cell) => cell.trim())).toEqual(["1/3", "20", "10 %", "12 ms", "12 ms"]);
    await ui.row("idle").getByText("0/0").waitFor();
    expect(await ui.page.getByText("Queue", { exact: false }).count()).toBe(0);
    await finish();
  });

  test("is brought up to date in place", async () => {
    await ui.page.evaluate("document.querySelector('[data-key$=busy]').closest('tr').id = 'kept'");
    rates.set("busy", 44);
    await ui.page.locator("#kept").getByText("44", { exact: true }).waitFor();
    rates.set("busy", 20);
    await finish();
  });

  test("is filtered and ordered", async () => {
    const names = async (): Promise<string[]> => ui.page.locator("tbody a").allInnerTexts();
    await ui.page.keyboard.press("/");
    await ui.page.keyboard.type("u");
    expect(await names()).toEqual(["busy"]);
    await ui.page.keyboard.press("Escape");
    await ui.field("Filter functions").fill("nothing");
    await ui.page.getByText("No function matches the filter.").waitFor();
    await ui.field("Filter functions").fill("");
    expect(await names()).toEqual(["busy", "echo", "idle"]);
    await ui.page.getByRole("button", { name: "Replicas" }).click();
    expect(await names()).toEqual(["busy", "echo", "idle"]);
    await ui.page.getByRole("button", { name: "Replicas" }).click();
    expect(await names()).toEqual(["idle", "echo", "busy"]);
    await finish();
  });

  test("keeps what it shows while the gateway cannot answer, and says why", async () => {
    await ui.page.route("**/system/functions?*", (route) =>
      route.fulfill({
        status: 500,
        json: { code: "PLONK_KUBERNETES", message: "The API server is away." },
      }),
    );
    const alert = ui.page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.innerText()).toBe("The API server is away. PLONK_KUBERNETES");
    expect(await ui.link("echo").count()).toBe(1);
    await ui.page.unroute("**/system/functions?*");
    await alert.waitFor({ state: "detached" });
    await finish();
  });

  test("shows a part of very many", async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => ({
      name: `function-${index}`,
      namespace: "openfaas-fn",
      image: "example/image:1",
      createdAt: "2026-11-21T12:00:00Z",
    }));
    await ui.page.route("**/system/functions?*", (route) => route.fulfill({ json: many }));
    await ui.page.getByText("Show more (9800 left)").waitFor();
    expect(await ui.page.locator("tbody tr").count()).toBe(200);
    await ui.button("Show more (9800 left)").click();
    await waitForCount(ui.page.locator("tbody tr"), 400);
    await ui.field("Filter functions").fill("9999");
    await waitForCount(ui.page.locator("tbody tr"), 1);
    await finish();
  });
});

describe("the keyboard alone", () => {
  test("leads through list, function, tabs and back", async () => {
    const focused = (): Promise<string> =>
      ui.page.evaluate("document.activeElement.textContent.trim()");
    await ui.link("busy").focus();
    await ui.page.keyboard.press("ArrowDown");
    expect(await focused()).toBe("echo");
    await ui.page.keyboard.press("End");
    expect(await focused()).toBe("idle");
    await ui.page.keyboard.press("Home");
    await ui.page.keyboard.press("ArrowDown");
    await ui.page.keyboard.press("Enter");
    await ui.page.getByRole("region", { name: "Function echo" }).waitFor();
    expect(await focused()).toMatch(/^echo/);
    await ui.page.getByRole("tab", { name: "Overview" }).focus();
    await ui.page.keyboard.press("ArrowRight");
    expect(await focused()).toBe("Invoke");
    await ui.field("Body").fill("by keyboard");
    await ui.page.keyboard.press("Control+Enter");
    await ui.page.getByText('"body": "by keyboard"').waitFor();
    await ui.page.keyboard.press("Escape");
    await ui.page.getByRole("region", { name: "Function echo" }).waitFor({ state: "detached" });
    await ui.page.waitForFunction("document.activeElement.textContent === 'echo'");
    await finish();
  });

  test("reaches everything by Tab in a sensible order", async () => {
    const names: string[] = [];
    for (let count = 0; count < 17; count += 1) {
      await ui.page.keyboard.press("Tab");
      const name =
        "(e => e.getAttribute('aria-label') ?? e.textContent.trim())(document.activeElement)";
      names.push(await ui.page.evaluate(name));
    }
    expect(names.slice(0, 9)).toEqual([
      ...["Skip to the content", "Plonk", "Functions", "Calls", "Secrets", "API", "Namespace"],
      "Keyboard shortcuts",
      "Switch to the dark theme",
    ]);
    expect(names.slice(9, 11)).toEqual(["Filter functions", "Deploy"]);
    expect(names[16]?.slice(0, 4)).toMatch(/p95|busy/);
    await finish();
  });

  test("stays in a dialog, which gives the focus back", async () => {
    await ui.button("Deploy").focus();
    await ui.page.keyboard.press("Enter");
    await ui.page.locator("dialog input[data-focus]:focus").waitFor();
    for (let count = 0; count < 12; count += 1) {
      await ui.page.keyboard.press("Tab");
    }
    const isInside =
      "document.activeElement === document.body || !!document.activeElement.closest('dialog')";
    expect(await ui.page.evaluate(isInside)).toBe(true);
    await ui.page.keyboard.press("Escape");
    await ui.dialog.waitFor({ state: "detached" });
    await ui.page.locator("[aria-keyshortcuts=n]:focus").waitFor();
    await finish();
  });

  test("indents code by Tab, and leaves it by Esc and Tab", async () => {
    await ui.page.keyboard.press("n");
    await ui.dialog.getByText("JavaScript", { exact: true }).click();
    const code = ui.dialogField("Code");
    await code.fill("");
    await code.press("Tab");
    await ui.page.keyboard.type("f({");
    await code.press("Enter");
    await ui.page.keyboard.type("a");
    expect(await code.inputValue()).toBe("  f({\n    a");
    await code.press("Escape");
    await code.press("Tab");
    expect(await ui.page.locator("textarea:focus").count()).toBe(0);
    expect(await code.inputValue()).toBe("  f({\n    a");
    await finish();
  });
});

describe("for everybody", () => {
  test.each(["light", "dark"] as const)(
    "axe finds nothing serious in the %s theme",
    async (colorScheme) => {
      await ui.close();
      ui = await UiPage.open(browser, { url: gateway.url, password: PASSWORD, colorScheme });
      await ui.link("echo").waitFor();
      const found: string[] = await ui.findViolations();
      await ui.openFunction("busy");
      found.push(...(await ui.findViolations()));
      await ui.openFunction("echo", "Invoke");
      await ui.invoke({ Body: "x" });
      found.push(...(await ui.findViolations()));
      await ui.openFunction("echo", "Logs");
      found.push(...(await ui.findViolations()));
      await ui.page.keyboard.press("n");
      await ui.dialog.getByText("Environment, secrets, labels, limits").click();
      found.push(...(await ui.findViolations()));
      await ui.button("Cancel").click();
      await ui.page.keyboard.press("?");
      found.push(...(await ui.findViolations()));
      await ui.button("Close").last().click();
      await ui.page.getByRole("link", { name: "Secrets" }).click();
      await ui.button("New secret").click();
      found.push(...(await ui.findViolations()));
      expect(found).toEqual([]);
      await finish();
    },
    2 * minute,
  );

  test("fits a window of 360 pixels", async () => {
    await ui.close();
    const size = { width: 360, height: 740 };
    ui = await UiPage.open(browser, { url: gateway.url, password: PASSWORD, ...size });
    const width = (): Promise<number> => ui.page.evaluate("document.documentElement.scrollWidth");
    await ui.link("echo").waitFor();
    expect(await width()).toBe(360);
    for (const tab of ["Overview", "Invoke", "Logs"]) {
      await ui.openFunction("echo", tab);
      expect(await width()).toBe(360);
      await ui.button("Back").click();
    }
    await ui.button("Deploy").click();
    expect(await width()).toBe(360);
    const box = await ui.dialog.boundingBox();
    expect(box?.width).toBeLessThanOrEqual(360);
    await finish();
  });

  test("the theme that was chosen stays", async () => {
    const ground = (): Promise<string> =>
      ui.page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
    const light = await ground();
    await ui.button("Switch to the dark theme").click();
    const dark = await ground();
    expect(dark).not.toBe(light);
    await ui.page.reload();
    await ui.button("Switch to the light theme").waitFor();
    expect(await ground()).toBe(dark);
    await finish();
  });
});

describe("a function that means harm", () => {
  test("does not get the credentials of whoever looks at it", async () => {
    const seen: (string | undefined)[] = [];
    await gateway.serve("greedy", (request, response) => {
      seen.push(request.headers.authorization);
      response.setHeader("www-authenticate", 'Basic realm="Restricted"');
      response.writeHead(401).end("who are you?");
    });
    await ui.openFunction("greedy", "Invoke");
    const { line } = await ui.invoke({ Body: "x" });
    expect(line).toMatch(/^401 /);
    expect(seen).toEqual([undefined]);
    gateway.fake.remove(FUNCTIONS, "greedy");
    await finish();
  });

  test("cannot put anything into the page", async () => {
    await gateway.serve("rude", (_request, response) => {
      response.setHeader("content-type", "text/html");
      response.setHeader("x-rude", "<img src=x onerror=alert(1)>");
      response.end("<script>document.title = 'taken'</script><iframe src='/'></iframe>");
    });
    await ui.openFunction("rude", "Invoke");
    const { body } = await ui.invoke({ Method: "GET" });
    expect(body).toContain("<script>");
    expect(await ui.page.locator("iframe, img[src=x]").count()).toBe(0);
    expect(await ui.page.title()).toBe("Plonk");
    gateway.fake.remove(FUNCTIONS, "rude");
    await finish();
  });

  test("leads no request to another origin by a redirect", async () => {
    await gateway.serve("away", (_request, response) => {
      response.writeHead(302, { location: "http://198.51.100.1/" }).end();
    });
    await ui.openFunction("away", "Invoke");
    const { line } = await ui.invoke({ Method: "GET" });
    expect(line).toMatch(/^Redirect/);
    gateway.fake.remove(FUNCTIONS, "away");
    await finish();
  });
});

test("a call that is not waited for any more is cancelled at the function, too", async () => {
  let isCalled = false;
  let isCancelled = false;
  await gateway.serve("slow", (_request, response) => {
    isCalled = true;
    response.on("close", () => (isCancelled = true));
  });
  await ui.openFunction("slow", "Invoke");
  await ui.button("Send").click();
  await ui.page.getByText("Waiting for the answer…").waitFor();
  // The page says so before anything is sent.
  await until("the call", () => isCalled);
  await ui.button("Stop waiting").click();
  await ui.page.getByText("You stopped waiting for the answer.").waitFor();
  await until("the end of the call", () => isCancelled);
  gateway.fake.remove(FUNCTIONS, "slow");
  await finish();
});

test("numbers that are missing are no reason to show no functions", async () => {
  await ui.page.route("**/system/function-stats?*", (route) => route.fulfill({ status: 500 }));
  await ui.page.reload();
  const cells = ui.row("busy").locator("td");
  await cells.first().waitFor();
  expect(await cells.allInnerTexts()).toEqual(["1/3", "–", "–", "–", "–"]);
  await finish();
});
