/** The gateway's page over an API whose answers a test gives, one by one. */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { text } from "node:stream/consumers";
import type { Browser } from "playwright-core";
import type { FunctionDescription, FunctionStats } from "../../contract/index.ts";
import { listen } from "../../services/lib/servers.ts";
import { buildAssets } from "../../toolchain/images/assets.ts";
import { createImageContext } from "../../toolchain/images/context.ts";
import { PACKAGE_ROOT } from "../../toolchain/images/package.ts";
import { stopServer, toListener } from "./network.ts";
import { UiPage } from "./ui-page.ts";
import { until } from "./until.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
};

/** What the page asked for, e.g. `PUT /system/functions`. */
export interface PageRequest {
  what: string;
  query: URLSearchParams;
  headers: IncomingMessage["headers"];
  body: string;
}

type Reply = (response: ServerResponse, request: PageRequest) => unknown;

/** Answers with JSON. */
export function json(body: unknown, status = 200): Reply {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
}

/** Answers as the gateway does when it cannot do what it was asked. */
export function failure(status: number, code: string, message: string): Reply {
  return json({ code, message }, status);
}

export const FORBIDDEN = failure(403, "PLONK_FORBIDDEN", "Forbidden: you need the right to look.");

export class PageGateway {
  /** What is answered, by `METHOD /path`; what is not here is 404. */
  readonly answers = new Map<string, Reply>();
  /** What was asked, but for the files of the page. */
  asked: PageRequest[] = [];
  url = "";
  readonly #browser: Browser;
  readonly #assets: string;
  readonly #server: Server;
  #ui: UiPage | undefined;
  #opened = 0;

  private constructor(browser: Browser, assets: string) {
    this.#browser = browser;
    this.#assets = assets;
    this.#server = createServer(toListener((...given) => this.#answer(...given)));
  }

  static async start(browser: Browser): Promise<PageGateway> {
    const assets = await buildAssets(createImageContext(), PACKAGE_ROOT);
    const gateway = new PageGateway(browser, assets?.directory ?? "");
    gateway.url = `http://127.0.0.1:${await listen(gateway.#server, 0, "127.0.0.1")}`;
    gateway.reset();
    return gateway;
  }

  stop(): Promise<void> {
    return stopServer(this.#server);
  }

  /** A platform with the namespace `fn`, where nothing is. */
  reset(): void {
    this.asked = [];
    this.answers.clear();
    this.answers.set("GET /system/namespaces", json(["fn"]));
    this.answers.set("GET /system/functions", json([]));
    this.answers.set("GET /system/function-stats", json([]));
    this.answers.set("GET /system/secrets", json([]));
    this.answers.set("GET /async/calls", json([]));
    this.answers.set("GET /async/dead-letters", json([]));
  }

  /** Functions of all namespaces, each told where it is. */
  show(...functions: FunctionDescription[]): void {
    this.answers.set("GET /system/functions", (response, request) => {
      const namespace = request.query.get("namespace");
      const found = functions.filter((each) => each.namespace === namespace);
      json(found)(response, request);
    });
  }

  /** Numbers of functions in the namespace `fn`. */
  measure(...stats: FunctionStats[]): void {
    this.answers.set("GET /system/function-stats", json(stats));
  }

  /** Bodies of what was asked so, parsed. */
  sent(what: string): unknown[] {
    return this.asked
      .filter((each) => each.what === what)
      .map(({ body }) => JSON.parse(body) as unknown);
  }

  count(what: string): number {
    return this.asked.filter((each) => each.what === what).length;
  }

  /** Keeps the answers to a request back; resolves with what gives them, once it was asked. */
  hold(what: string): { release: (reply: Reply) => void; wait: () => Promise<void> } {
    const held: [ServerResponse, PageRequest][] = [];
    this.answers.set(what, (response, request) => held.push([response, request]));
    return {
      release: (reply) => {
        this.answers.set(what, reply);
        held.splice(0).forEach((each) => void reply(...each));
      },
      wait: () => until(what, () => held.length > 0),
    };
  }

  /** Shows the page anew, in the one window that all tests of a file share. */
  async open(hash = ""): Promise<UiPage> {
    const ui = (this.#ui ??= await UiPage.open(this.#browser, { url: this.url }));
    this.#opened += 1;
    await ui.page.goto(`${this.url}/ui/?${this.#opened}${hash}`);
    return ui;
  }

  /** Leaves the page; returns what it must not have done. */
  async leave(): Promise<string[]> {
    await this.#ui?.page.context().setOffline(false);
    await this.#ui?.page.goto("about:blank");
    return this.#ui?.problems.splice(0) ?? [];
  }

  /** Has the page ask again at once, as if it had been in the background. */
  async look(): Promise<void> {
    await this.#ui?.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? "/", "http://page");
    if (pathname.startsWith("/ui/")) {
      const file = pathname === "/ui/" ? "index.html" : pathname.slice("/ui/".length);
      const content = await readFile(join(this.#assets, "ui", file)).catch(() => undefined);
      response.writeHead(content === undefined ? 404 : 200, {
        "content-type": TYPES[extname(file)] ?? "text/plain",
      });
      response.end(content);
      return;
    }
    const what = `${request.method ?? ""} ${pathname}`;
    const asked = { what, query, headers: request.headers, body: await text(request) };
    this.asked.push(asked);
    const reply = this.answers.get(what) ?? failure(404, "PLONK_NOT_FOUND", `no ${what}`);
    await reply(response, asked);
  }
}

/** A function as the list has it. */
export function describeFunction(
  name: string,
  parts: Partial<FunctionDescription> = {},
): FunctionDescription {
  return {
    ...{ name, namespace: "fn", image: `registry/${name}:1`, replicas: 1, availableReplicas: 1 },
    createdAt: "2026-11-21T12:00:00Z",
    ...parts,
  };
}
