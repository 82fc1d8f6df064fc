/** What is sent from the page's dialogs, what they refuse before that, and how they fail. */
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

/** Declares the tests. */
export function declareDialogs(get: () => PageGateway): void {
  describe("the dialogs", () => {
    const POST = "POST /system/functions";
    const PUT = "PUT /system/functions";
    let gateway: PageGateway;
    let ui: UiPage;

    beforeAll(() => {
      gateway = get();
    });

    beforeEach(() => {
      gateway.answers.set(POST, json(null, 202));
      gateway.answers.set(PUT, json(null, 202));
    });

    const button = (name: string): Locator => ui.dialog.getByRole("button", { name, exact: true });
    const isValid = async (label: string): Promise<boolean> =>
      (await ui.dialogField(label).and(ui.page.locator(":valid")).count()) === 1;

    async function open(hash: string, name: string): Promise<void> {
      ui = await gateway.open(hash);
      await ui.button(name).click();
      await ui.dialog.waitFor();
    }

    describe("a new function", () => {
      const deploy = (): Promise<void> => open("", "Deploy");

      test("of an image is sent as it was filled in, and shown then", async () => {
        gateway.answers.set("GET /system/namespaces", json(["fn", "team"]));
        gateway.answers.set("GET /system/secrets", json([{ name: "b" }, { name: "a" }]));
        await deploy();
        await ui.dialogField("Name").fill("f");
        await ui.dialogField("Namespace").selectOption("team");
        await ui.dialogField("Image").fill(" registry/f:1 ");
        await ui.dialog.getByText("Environment, secrets, labels, limits").click();
        await ui.dialogField("Environment").fill("A=1\nB = x=y");
        await ui.dialogField("Labels").fill("team=x");
        await ui.dialogField("Annotations").fill("topic=t");
        await ui.dialogField("a").check();
        await ui.dialogField("b").check();
        await ui.dialogField("b").uncheck();
        await ui.dialogField("Memory limit").fill("128Mi");
        await ui.dialogField("CPU request").fill("50m");
        await ui.dialogField("Process").fill("run");
        await ui.dialogField("The file system is read only, except for /tmp").check();
        gateway.show(describeFunction("f", { namespace: "team" }));
        await button("Deploy").click();
        await ui.page.getByText("f deployed.").waitFor();
        await ui.page.getByRole("region", { name: "Function f" }).waitFor();
        expect(gateway.sent(POST)).toEqual([
          {
            ...{ service: "f", namespace: "team", image: "registry/f:1", envProcess: "run" },
            ...{
              envVars: { A: "1", B: "x=y" },
              labels: { team: "x" },
              annotations: { topic: "t" },
            },
            ...{ secrets: ["a"], limits: { memory: "128Mi" }, requests: { cpu: "50m" } },
            readOnlyRootFilesystem: true,
          },
        ]);
      });

      test("has a name that can be one, and an image: nothing is sent before that", async () => {
        await deploy();
        for (const name of ["", "Upper", "-a", "a-", "a.b", "a_b", "0", "a".repeat(64)]) {
          await ui.dialogField("Name").fill(name);
          expect([name, await isValid("Name")]).toEqual([name, false]);
        }
        await button("Deploy").click();
        for (const name of ["a", "a-1", "a0", "a".repeat(63)]) {
          await ui.dialogField("Name").fill(name);
          expect([name, await isValid("Name")]).toEqual([name, true]);
        }
        await button("Deploy").click();
        expect(gateway.count(POST)).toBe(0);
        expect(await isValid("Image")).toBe(false);
      });

      test("is not sent with a line that is no pair, which is named", async () => {
        await deploy();
        await ui.dialogField("Name").fill("f");
        await ui.dialogField("Image").fill("i");
        await ui.dialog.getByText("Environment, secrets, labels, limits").click();
        await ui.dialogField("Environment").fill("A=1\nnonsense");
        await button("Deploy").click();
        await ui.dialog
          .getByText('Environment: Expected a line like name=value, got "nonsense".')
          .waitFor();
        expect(gateway.count(POST)).toBe(0);
        await ui.dialogField("Environment").fill("A=1");
        await button("Deploy").click();
        await waitForCount(ui.dialog, 0);
        expect(gateway.sent(POST)).toMatchObject([{ envVars: { A: "1" } }]);
      });

      test("whose name is taken may take that one's place, or another name", async () => {
        gateway.answers.set(POST, failure(409, "PLONK_CONFLICT", "function f.fn already exists"));
        await deploy();
        await ui.dialogField("Name").fill("f");
        await ui.dialogField("Image").fill("i");
        await button("Deploy").click();
        await button("Update the existing one").waitFor();
        await ui.dialogField("Name").fill("g");
        await button("Update the existing one").waitFor({ state: "detached" });
        await ui.dialogField("Name").fill("f");
        await button("Deploy").click();
        await button("Update the existing one").click();
        await ui.page.getByText("f updated.").waitFor();
        expect([gateway.count(POST), gateway.sent(PUT)]).toEqual([
          2,
          [{ service: "f", namespace: "fn", image: "i" }],
        ]);
      });

      test("is sent once, however often one asks while it is on its way", async () => {
        const held = gateway.hold(POST);
        await deploy();
        await ui.dialogField("Name").fill("f");
        await ui.dialogField("Image").fill("i");
        await button("Deploy").click();
        await held.wait();
        expect(await button("Deploy").isDisabled()).toBe(true);
        await ui.dialogField("Image").press("Enter");
        held.release(failure(500, "PLONK_KUBERNETES", "The API server is away."));
        await ui.dialog.getByText("The API server is away.").waitFor();
        expect([gateway.count(POST), await button("Deploy").isDisabled()]).toEqual([1, false]);
      });

      test("of code that is too large is marked, and refused before it is sent", async () => {
        await deploy();
        await ui.dialog.getByText("JavaScript", { exact: true }).click();
        await ui.dialogField("Name").fill("f");
        expect(await ui.dialogField("Code").inputValue()).toMatch(/^\/\*\* Answers each request/);
        await ui.dialogField("Code").fill("x".repeat(262_145));
        expect(await ui.dialogField("Code").getAttribute("aria-invalid")).toBe("true");
        await button("Deploy").click();
        await ui.dialog.getByText("must not be larger than 262144 bytes, got 262145").waitFor();
        await ui.dialogField("Code").fill("export default () => 1;");
        expect(await ui.dialogField("Code").getAttribute("aria-invalid")).toBe("false");
        await button("Deploy").click();
        await waitForCount(ui.dialog, 0);
        expect(gateway.sent(POST)).toEqual([
          { service: "f", namespace: "fn", code: "export default () => 1;" },
        ]);
      });
    });

    describe("a change of a function", () => {
      const existing = describeFunction("f", { secrets: ["mine"], labels: { a: "1" } });

      test("begins with what it is, and keeps its name and its secrets", async () => {
        gateway.show(existing);
        gateway.answers.set("GET /system/secrets", FORBIDDEN);
        const held = gateway.hold("GET /system/function/f");
        await open("#/functions/fn/f", "Edit");
        await held.wait();
        expect(await button("Update").isDisabled()).toBe(true);
        held.release(json(existing));
        await ui.dialogField("Image").waitFor();
        for (const label of ["Name", "Namespace"]) {
          expect(await ui.dialogField(label).isDisabled()).toBe(true);
        }
        await ui.dialog.getByText("Environment, secrets, labels, limits").click();
        expect(await ui.dialogField("mine").isChecked()).toBe(true);
        await ui.dialogField("Labels").fill("");
        await ui.dialogField("Image").fill("registry/f:2");
        await button("Update").click();
        await ui.page.getByText("f updated.").waitFor();
        expect(gateway.sent(PUT)).toEqual([
          { service: "f", namespace: "fn", image: "registry/f:2", secrets: ["mine"] },
        ]);
        const [asked] = gateway.asked.filter(({ what }) => what === "GET /system/function/f");
        expect(asked?.query.get("code")).toBe("1");
      });

      test("of one that cannot be read says why, and sends nothing", async () => {
        gateway.show(existing);
        gateway.answers.set(
          "GET /system/function/f",
          failure(404, "PLONK_FUNCTION_NOT_FOUND", "gone"),
        );
        await open("#/functions/fn/f", "Edit");
        await ui.dialog.getByText("gone").waitFor();
        expect(await button("Update").isDisabled()).toBe(true);
        await button("Cancel").click();
        await waitForCount(ui.dialog, 0);
        expect(gateway.count(PUT)).toBe(0);
      });
    });

    describe("secrets", () => {
      const CREATE = "POST /system/secrets";

      test("are waited for, and there may be none, or none for this person", async () => {
        const held = gateway.hold("GET /system/secrets");
        ui = await gateway.open("#/secrets");
        await ui.page.getByText("Loading…").waitFor();
        held.release(json([]));
        await ui.page.getByText("There are no secrets yet.").waitFor();
        gateway.answers.set("GET /system/secrets", FORBIDDEN);
        await gateway.look();
        await ui.alert().getByText("you need the right").waitFor();
      });

      test("are made without a look over the shoulder, and never shown", async () => {
        gateway.answers.set(CREATE, json(null, 202));
        await open("#/secrets", "New secret");
        const value = ui.dialogField("Value");
        const looks = (): Promise<string | null> => value.getAttribute("class");
        expect(await looks()).toContain("is-hidden-text");
        await ui.dialogField("Show what I type").check();
        expect(await looks()).not.toContain("is-hidden-text");
        await ui.dialogField("Name").fill("Not.valid");
        expect(await isValid("Name")).toBe(false);
        await ui.dialogField("Name").fill("tls.key");
        await value.fill("canary\nline\n");
        gateway.answers.set("GET /system/secrets", json([{ name: "tls.key", namespace: "fn" }]));
        await button("Create").click();
        await ui.page.getByText("tls.key created.").waitFor();
        await waitForCount(ui.page.locator("tbody tr"), 1);
        expect(gateway.sent(CREATE)).toEqual([
          { name: "tls.key", namespace: "fn", value: "canary\nline\n" },
        ]);
        expect(await ui.page.content()).not.toContain("canary");
      });

      test("are replaced and deleted where they are, and say why not", async () => {
        const secrets = [
          { name: "s", namespace: "fn" },
          { name: "t", namespace: "fn" },
        ];
        gateway.answers.set("GET /system/secrets", json(secrets));
        gateway.answers.set(
          "PUT /system/secrets",
          failure(409, "PLONK_CONFLICT", "managed by Pulumi"),
        );
        gateway.answers.set("DELETE /system/secrets", json(null, 202));
        await open("#/secrets", "Replace s");
        expect(await ui.dialogField("Name").isDisabled()).toBe(true);
        await ui.dialogField("Value").fill("v");
        await button("Replace").click();
        await ui.dialog.getByText("managed by Pulumi").waitFor();
        await ui.page.keyboard.press("Escape");
        await ui.button("Delete t").click();
        gateway.answers.set("GET /system/secrets", json(secrets.slice(0, 1)));
        await button("Delete").click();
        await ui.page.getByText("t deleted.").waitFor();
        await waitForCount(ui.page.locator("tbody tr"), 1);
        expect([
          gateway.sent("PUT /system/secrets"),
          gateway.sent("DELETE /system/secrets"),
        ]).toEqual([
          [{ name: "s", namespace: "fn", value: "v" }],
          [{ name: "t", namespace: "fn" }],
        ]);
      });
    });

    describe("asynchronous calls", () => {
      const call = (id: string, parts: object = {}): object => ({
        ...{ id, functionName: "f", namespace: "fn", state: "retrying", attempts: 2, path: "/p" },
        ...parts,
      });
      const letter = (sequence: number, parts: object = {}): object => ({
        ...{ sequence, kind: "call", namespace: "fn", functionName: "f", reason: "status 500" },
        ...{ attempts: 3, diedAt: "2026-11-21T12:00:00Z" },
        ...parts,
      });
      const cells = (): Promise<string[]> =>
        ui.page.locator("tbody td:nth-child(2)").allInnerTexts();

      test("are listed by their state, with what is known of each", async () => {
        const reason = "status 503 after a run";
        gateway.answers.set("GET /async/calls", (response, request) => {
          const isAsked = request.query.get("state") === "retrying";
          const known = [call("1-a", { status: 503, reason }), call("2-b", { status: 500 })];
          json(isAsked ? known : [])(response, request);
        });
        ui = await gateway.open("#/calls");
        await ui.page.getByText("No call is queued.").waitFor();
        await ui.field("State").selectOption("retrying");
        await waitForCount(ui.page.locator("tbody tr"), 2);
        expect((await cells()).map((cell) => cell.split("\n"))).toEqual([
          ["1-a", `${reason}, 2 failed`],
          ["2-b", "status 500, 2 failed"],
        ]);
        await ui.field("State").selectOption("done");
        await ui.page.getByText("No call is done.").waitFor();
      });

      test("that are over cannot be cancelled, also where that is known too late", async () => {
        gateway.answers.set(
          "GET /async/calls",
          json([call("1-a"), call("2-b", { state: "done" })]),
        );
        const late = failure(409, "PLONK_CONFLICT", "the call is done already");
        gateway.answers.set("DELETE /async/calls/1-a", late);
        await open("#/calls", "Cancel 1-a");
        expect(await ui.page.getByLabel("Cancel 2-b").count()).toBe(0);
        await button("Cancel the call").click();
        await ui.dialog.getByText("the call is done already").waitFor();
      });

      test("that died are sent again where they are any, and say why not", async () => {
        const about = { kind: "callback", callbackHost: "a.example", reason: "status 404" };
        const nobody = { kind: "malformed", functionName: undefined, reason: "message: no JSON" };
        const letters = [letter(1), letter(2, about), letter(3, nobody)];
        gateway.answers.set("GET /async/dead-letters", json(letters));
        const gone = failure(
          404,
          "PLONK_DEAD_LETTER_NOT_FOUND",
          "sequence: expected a dead letter",
        );
        gateway.answers.set("POST /async/dead-letters/1/redrive", gone);
        ui = await gateway.open("#/calls");
        await waitForCount(ui.page.locator("tbody tr"), 3);
        expect(await cells()).toEqual([
          "status 500",
          "callback to a.example: status 404",
          "message: no JSON",
        ]);
        expect(await ui.page.locator("tbody th").last().innerText()).toBe("–");
        expect(await ui.page.getByLabel("Send again 3").count()).toBe(0);
        await ui.button("Send again 1").click();
        await ui.alert().getByText("sequence: expected").waitFor();
      });
    });
  });
}
