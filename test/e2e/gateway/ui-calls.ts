/** The page's tests: deploying a function, calling it, reading its log. */
import { expect, it } from "@jest/globals";
import { waitForCount } from "../../support/ui-page.ts";
import { CODE, type UiWorld } from "./ui-world.ts";

const minute = 60_000;

/** Declares the tests. They are one story, and leave the function `ui-code`. */
export function declareCalls(get: () => UiWorld): void {
  it(
    "lists the functions of all namespaces with their replicas",
    async () => {
      const world = get();
      for (const name of ["hello", "markdown", "sha256"]) {
        await world.waitForReplicas(name, "1/1");
      }
    },
    2 * minute,
  );

  it(
    "deploys pasted JavaScript by keyboard, and shows when it is ready",
    async () => {
      const world = get();
      await world.ui.page.keyboard.press("n");
      await world.deployCode("ui-code", CODE);
      await world.waitForToast("ui-code deployed.");
      await world.waitForReplicas("ui-code", "1/1");
      await waitForCount(world.ui.dialog, 0);
    },
    2 * minute,
  );

  it(
    "describes it",
    async () => {
      const world = get();
      await world.ui.openFunction("ui-code");
      const detail = world.ui.page.getByRole("region", { name: "Function ui-code" });
      const text = await detail.innerText();
      expect(text).toMatch(/ui-code-[0-9a-f]{12}/);
      expect(text).toContain(`${world.stack.url}/function/ui-code.openfaas-fn`);
      expect(text).toMatch(/seconds? ago|minutes? ago|now/);
    },
    minute,
  );

  it(
    "invokes it with method, path, query, headers and body, and shows the answer",
    async () => {
      const world = get();
      await world.ui.openFunction("ui-code", "Invoke");
      const { line, body } = await world.ui.invoke({
        Method: "PUT",
        "Path and query": "/a/b?q=1",
        "Content type": "application/json",
        Headers: "X-Test: yes",
        Body: '{"n":1}',
      });
      expect(line).toMatch(/^200 OK [\d.]+ ms \d+ B application\/json/);
      expect(JSON.parse(body)).toEqual({
        pathname: "/a/b",
        q: "1",
        header: "yes",
        body: '{"n":1}',
      });
      await world.ui.page.getByText(/^Headers \(\d+\)$/).click();
      expect(await world.ui.page.locator(".headers").innerText()).toMatch(
        /x-call-id\s+[0-9a-f-]{36}/,
      );
    },
    minute,
  );

  it(
    "shows HTML that a function answers as text, and offers bytes as a download",
    async () => {
      const world = get();
      const page = await world.ui.invoke({ "Path and query": "/page" });
      expect(page.body).toContain("<h1 id='injected'>");
      expect(await world.ui.page.locator("#injected").count()).toBe(0);
      expect(await world.ui.page.title()).toBe("Plonk");
      const bytes = await world.ui.invoke({ "Path and query": "/bytes" });
      expect(bytes).toMatchObject({ body: "" });
      const downloading = world.ui.page.waitForEvent("download");
      await world.ui.button("Download").click();
      expect((await downloading).suggestedFilename()).toBe("ui-code.png");
    },
    minute,
  );

  it(
    "queues a call, and the log shows that it was made",
    async () => {
      const world = get();
      await world.ui.page.getByText("Queue it", { exact: true }).click();
      const { line } = await world.ui.invoke({
        "Path and query": "/later",
        Body: "from the queue",
      });
      expect(line).toMatch(/^202 Accepted/);
      await world.ui.page.getByRole("group", { name: "Queue faas-request" }).waitFor();
      await world.ui.openFunction("ui-code", "Logs");
      const log = world.ui.page.getByRole("log");
      await log.getByText("seen /later from the queue").waitFor();
      await world.ui.page.getByText("Wait for the answer").waitFor({ state: "attached" });
    },
    minute,
  );

  it(
    "follows the log live, filters it, and holds it while paused",
    async () => {
      const world = get();
      const log = world.ui.page.getByRole("log");
      const call = async (body: string): Promise<void> => {
        await world.api("/function/ui-code/live", { method: "POST", body });
      };
      await call("first");
      await log.getByText("seen /live first").waitFor();
      await world.ui.button("Pause").click();
      await call("second");
      await world.ui.page.waitForTimeout(1500);
      expect(await log.getByText("seen /live second").count()).toBe(0);
      await world.ui.button("Resume").click();
      await log.getByText("seen /live second").waitFor();
      await world.ui.field("Filter lines").fill("SECOND");
      await waitForCount(log.locator(".log-line"), 1);
      await world.ui.field("Filter lines").fill("");
      const instances = world.ui.field("Instance").locator("option");
      await waitForCount(instances, 2);
      await world.ui.field("Instance").selectOption({ index: 1 });
      await log.getByText("seen /live first").waitFor();
    },
    minute,
  );
}
