/** The page's tests: changing, scaling and deleting functions, and secrets. */
import { expect, it } from "@jest/globals";
import { waitForCount } from "../../support/ui-page.ts";
import { until } from "../../support/until.ts";
import { CODE, type UiWorld } from "./ui-world.ts";

const minute = 60_000;

/** Declares the tests, which need the function `ui-code`. */
export function declareChanges(get: () => UiWorld): void {
  it(
    "edits the code, and the new one answers",
    async () => {
      const world = get();
      await world.ui.openFunction("ui-code");
      await world.ui.button("Edit").click();
      const code = world.ui.dialogField("Code");
      expect(await code.inputValue()).toBe(CODE);
      await code.fill("export default { fetch: () => new Response('second edition') };");
      await world.ui.dialog.getByText("Environment, secrets, labels, limits").click();
      await world.ui.dialogField("Labels").fill("team=ui");
      await world.ui.dialog.getByRole("button", { name: "Update" }).click();
      await world.waitForToast("ui-code updated.");
      await world.ui.page.getByText("team=ui").waitFor();
      await until(
        "the new code",
        async () => (await (await world.api("/function/ui-code")).text()) === "second edition",
        minute,
      );
    },
    2 * minute,
  );

  it(
    "offers to update when the name of a new function is taken, and shows mistakes in code",
    async () => {
      const world = get();
      await world.ui.button("Deploy").click();
      await world.deployCode("ui-broken", "export default {");
      await world.ui.dialog.getByRole("alert").waitFor();
      expect(await world.ui.dialog.getByRole("alert").innerText()).toMatch(/^code: .*PLONK_/);
      await world.deployCode("ui-code", CODE);
      await world.ui.dialog.getByText("already exists").waitFor();
      await world.ui.dialog.getByRole("button", { name: "Update the existing one" }).click();
      await world.waitForToast("ui-code updated.");
    },
    minute,
  );

  it(
    "scales up and to zero, and a call brings it back",
    async () => {
      const world = get();
      await world.ui.openFunction("ui-code");
      await world.ui.button("One replica more").click();
      await world.ui.button("Scale").click();
      await world.waitForReplicas("ui-code", "2/2");
      await world.ui.button("To zero").click();
      await world.waitForReplicas("ui-code", "0/0");
      // A pod on its way out still answers, and then nothing has to start.
      const pods = ["get", "pods", "-n=openfaas-fn", "-l=faas_function=ui-code"];
      const areGone = async (): Promise<boolean> =>
        (await world.stack.kubectl(...pods, "-o=name")).trim() === "";
      await until("no pods", areGone, minute).catch(async (error: unknown) => {
        throw new Error(`${String(error)}, got\n${await world.stack.kubectl(...pods, "-o=wide")}`);
      });
      await world.ui.openFunction("ui-code", "Invoke");
      const { line } = await world.ui.invoke({ Body: "wake up" });
      expect(line).toMatch(/^200 OK/);
      await world.waitForReplicas("ui-code", "1/1");
    },
    4 * minute,
  );

  it(
    "creates, replaces and deletes a secret, and never shows its value",
    async () => {
      const world = get();
      const readValue = async (): Promise<string> => {
        const path = "-o=jsonpath={.data.ui-secret}";
        const text = await world.stack.kubectl(
          "get",
          "secret",
          "ui-secret",
          "-n=openfaas-fn",
          path,
        );
        return Buffer.from(text, "base64").toString();
      };
      await world.ui.page.getByRole("link", { name: "Secrets" }).click();
      await world.ui.button("New secret").click();
      await world.ui.dialogField("Name").fill("ui-secret");
      await world.ui.dialogField("Value").fill("first value");
      await world.ui.dialog.getByRole("button", { name: "Create" }).click();
      await world.ui.page.getByRole("rowheader", { name: "ui-secret" }).waitFor();
      expect(await readValue()).toBe("first value");
      await world.ui.button("Replace ui-secret").click();
      await world.ui.dialogField("Value").fill("second\nvalue");
      await world.ui.dialog.getByRole("button", { name: "Replace" }).click();
      await world.waitForToast("ui-secret replaced.");
      expect(await readValue()).toBe("second\nvalue");
      expect(await world.ui.page.content()).not.toMatch(/first value|second\nvalue/);
      await world.ui.button("Delete ui-secret").click();
      await world.ui.dialog.getByRole("button", { name: "Delete" }).click();
      await world.ui.page
        .getByRole("rowheader", { name: "ui-secret" })
        .waitFor({ state: "detached" });
    },
    minute,
  );

  it(
    "deploys an image with settings, calls it, and deletes it after a confirmation",
    async () => {
      const world = get();
      const answer = await world.api("/system/function/ui-code");
      const { image } = (await answer.json()) as { image: string };
      await world.ui.page.getByRole("link", { name: "Functions" }).click();
      await world.ui.button("Deploy").click();
      await world.ui.dialogField("Name").fill("ui-image");
      await world.ui.dialogField("Image").fill(image);
      await world.ui.dialog.getByText("Environment, secrets, labels, limits").click();
      await world.ui.dialogField("Environment").fill("GREETING=hello");
      await world.ui.dialogField("Process").fill("node -p process.env.GREETING");
      await world.ui.dialogField("Memory limit").fill("128Mi");
      await world.ui.dialog.getByRole("button", { name: "Deploy" }).click();
      await world.waitForReplicas("ui-image", "1/1");
      const overview = await world.ui.page
        .getByRole("region", { name: "Function ui-image" })
        .innerText();
      expect(overview).toContain("GREETING");
      expect(overview).toContain("memory=128Mi");
      expect(overview).not.toContain("hello");
      await world.ui.openFunction("ui-image", "Invoke");
      expect((await world.ui.invoke({})).body.trim()).toBe("hello");
      await world.ui.button("Delete").click();
      await world.ui.dialog.getByRole("button", { name: "Cancel" }).click();
      expect((await world.api("/system/function/ui-image")).status).toBe(200);
      await world.ui.button("Delete").click();
      await world.ui.dialog.getByRole("button", { name: "Delete" }).click();
      await world.waitForToast("ui-image deleted.");
      await world.ui.row("ui-image").waitFor({ state: "detached" });
      expect((await world.api("/system/function/ui-image")).status).toBe(404);
    },
    3 * minute,
  );

  it(
    "says why a function that a program manages cannot be deleted",
    async () => {
      const world = get();
      await world.ui.openFunction("hello");
      await world.ui.button("Delete").click();
      await world.ui.dialog.getByRole("button", { name: "Delete" }).click();
      await world.ui.dialog.getByRole("alert").waitFor();
      expect(await world.ui.dialog.getByRole("alert").innerText()).toMatch(
        /Pulumi.*PLONK_CONFLICT/s,
      );
      await world.ui.page.keyboard.press("Escape");
      await waitForCount(world.ui.dialog, 0);
      expect((await world.api("/system/function/hello")).status).toBe(200);
    },
    minute,
  );
}
