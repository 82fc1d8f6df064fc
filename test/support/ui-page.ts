/** The gateway's page in a real browser, with everything noted that a page must not do. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { MESSAGE_MS } from "../../services/gateway/ui/src/view/message-time.ts";
import { until } from "./until.ts";

/** Longest wait for something to appear on the page, milliseconds: only to end a hang. */
const PATIENCE_MS = 60_000;

/** The page takes its messages away after a time in which a busy test may miss them. */
const KEEP_MESSAGES = `{
  const { setTimeout } = window;
  window.setTimeout = (work, ms, ...rest) => setTimeout(work, ms === ${MESSAGE_MS} ? 600_000 : ms, ...rest);
}`;

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"));

export interface UiOptions {
  /** Address of the gateway. */
  url: string;
  /** Of the user `admin`; without it no credentials are given. */
  password?: string;
  colorScheme?: "light" | "dark";
  width?: number;
  height?: number;
}

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

/** Waits until there are so many: the page may draw a moment after what was done to it. */
export async function waitForCount(locator: Locator, count: number): Promise<void> {
  const hasCount = async (): Promise<boolean> => (await locator.count()) === count;
  await until(`${count} of ${String(locator)}`, hasCount, PATIENCE_MS);
}

export class UiPage {
  readonly page: Page;
  /** Errors on the console, and requests to others. Answers of 4xx and 5xx are no problem here. */
  readonly problems: string[] = [];
  readonly #context: BrowserContext;

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
  }

  static async open(browser: Browser, options: UiOptions): Promise<UiPage> {
    const { url, password, colorScheme = "light", width = 1360, height = 860 } = options;
    const context = await browser.newContext({
      colorScheme,
      // Colours that are on their way to others would be judged by what they are for a moment.
      reducedMotion: "reduce",
      viewport: { width, height },
      ...(password !== undefined && { httpCredentials: { username: "admin", password } }),
    });
    context.setDefaultTimeout(PATIENCE_MS);
    await context.addInitScript(KEEP_MESSAGES);
    const ui = new UiPage(context, await context.newPage());
    ui.#watch(new URL(url).origin);
    await ui.page.goto(`${url}/ui/`);
    return ui;
  }

  #watch(origin: string): void {
    this.page.on("console", (message) => {
      const isStatus = message.text().startsWith("Failed to load resource: the server responded");
      if (["error", "warning"].includes(message.type()) && !isStatus) {
        this.problems.push(message.text());
      }
    });
    this.page.on("pageerror", (error) => this.problems.push(error.message));
    this.#context.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol !== "blob:" && url.origin !== origin) {
        this.problems.push(request.url());
      }
    });
  }

  alert(): Locator {
    return this.page.getByRole("alert");
  }

  /** Terms of a list and what they mean. */
  async pairs(list: string): Promise<Record<string, string>> {
    const read =
      "(l => [l.querySelectorAll('dt'), l.querySelectorAll('dd')].map(p => [...p].map(e => e.innerText.trim())))";
    const [terms = [], texts = []]: string[][] = await this.page.evaluate(
      `${read}(document.querySelector(${JSON.stringify(list)}))`,
    );
    return Object.fromEntries(terms.map((term, index) => [term, texts[index] ?? ""]));
  }

  /** A function's row in the list. */
  row(name: string): Locator {
    return this.page.getByRole("row").filter({ has: this.link(name) });
  }

  link(name: string): Locator {
    return this.page.getByRole("link", { name, exact: true });
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true });
  }

  get dialog(): Locator {
    return this.page.getByRole("dialog");
  }

  /** A field of the dialog that is open. */
  dialogField(label: string): Locator {
    return this.dialog.getByLabel(label, { exact: true });
  }

  /** Opens a function, on one of its tabs. */
  async openFunction(name: string, tab = "Overview"): Promise<void> {
    await this.page.evaluate("location.hash = '#/functions'");
    await this.link(name).click();
    await this.page.getByRole("tab", { name: tab }).click();
  }

  /** Calls the function that is open, and returns the answer's status line and body. */
  async invoke(fields: Record<string, string>): Promise<{ line: string; body: string }> {
    for (const [label, value] of Object.entries(fields)) {
      await (label === "Method"
        ? this.field(label).selectOption(value)
        : this.field(label).fill(value));
    }
    await this.page.getByRole("button", { name: /^(Send|Queue the call)$/ }).click();
    const answer = this.page.getByRole("region", { name: "Answer" });
    await answer.waitFor();
    const body = answer.locator("pre.body");
    return {
      line: (await answer.locator(".answer-line").innerText()).replace(/\s+/g, " "),
      body: (await body.count()) === 0 ? "" : await body.innerText(),
    };
  }

  /** What axe finds that keeps people from using the page, on what is shown now. */
  async findViolations(): Promise<string[]> {
    await this.page.evaluate(axeSource.toString());
    const { violations } = await this.page.evaluate<{ violations: Violation[] }>("axe.run()");
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
  }

  async close(): Promise<void> {
    await this.#context.close();
  }
}
