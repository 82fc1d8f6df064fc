/** What the page's tests on the real cluster share: browser, page, and the API beside it. */
import type { Browser } from "playwright-core";
import { launchChromium } from "../../support/chromium.ts";
import type { Stack } from "../../support/stack.ts";
import { UiPage } from "../../support/ui-page.ts";

const minute = 60_000;

/** The function that the tests deploy as `ui-code`. */
export const CODE = `export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const body = await request.text();
    console.log("seen", pathname, body);
    if (pathname === "/fail") return new Response("no", { status: 500 });
    if (pathname === "/bytes") return new Response(new Blob(["\\0\\xff\\0"], { type: "image/png" }));
    if (pathname === "/page") {
      const html = "<h1 id='injected'>page</h1><script>document.title = 'taken'</script>";
      return new Response(html, { headers: { "content-type": "text/html" } });
    }
    const header = request.headers.get("x-test");
    return Response.json({ pathname, q: searchParams.get("q"), header, body });
  },
};
`;

export class UiWorld {
  readonly stack: Stack;
  readonly browser: Browser;
  readonly ui: UiPage;

  private constructor(stack: Stack, browser: Browser, ui: UiPage) {
    this.stack = stack;
    this.browser = browser;
    this.ui = ui;
  }

  static async open(stack: Stack): Promise<UiWorld> {
    const browser = await launchChromium();
    const { url, password } = stack;
    try {
      return new UiWorld(stack, browser, await UiPage.open(browser, { url, password }));
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  /** Closes the browser and removes what the tests have made. */
  async close(): Promise<void> {
    await this.browser.close();
    for (const name of ["ui-code", "ui-image"]) {
      const body = JSON.stringify({ functionName: name });
      await this.api("/system/functions", { method: "DELETE", body });
    }
    await this.api("/system/secrets", { method: "DELETE", body: '{"name":"ui-secret"}' });
  }

  /** Asks the gateway without the page. */
  async api(path: string, init: RequestInit = {}): Promise<Response> {
    const { url, password } = this.stack;
    const authorization = `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`;
    const signal = AbortSignal.timeout(minute);
    return await fetch(`${url}${path}`, { ...init, headers: { authorization }, signal });
  }

  /** Fills in the deploy dialog that is open, and sends it. */
  async deployCode(name: string, code: string): Promise<void> {
    const { dialog } = this.ui;
    await dialog.getByText("JavaScript", { exact: true }).click();
    await this.ui.dialogField("Name").fill(name);
    await this.ui.dialogField("Code").fill(code);
    await dialog.getByRole("button", { name: "Deploy" }).click();
  }

  async waitForReplicas(name: string, text: string): Promise<void> {
    const replicas = this.ui.row(name).locator(".replicas", { hasText: text });
    await replicas.waitFor({ timeout: minute });
  }

  async waitForToast(text: string): Promise<void> {
    await this.ui.page.locator(".toast", { hasText: text }).waitFor();
  }
}
