/** Which gateway `plonk queue` means, by what faas-cli has stored. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { findLogin } from "../../cli/openfaas-login.ts";
import { collectCleanups } from "../support/cleanup.ts";

const onTestEnd = collectCleanups(afterEach);

/** A home whose faas-cli has logged in. */
function createHome(text?: string): string {
  const home = mkdtempSync(join(tmpdir(), "plonk-home-"));
  onTestEnd(() => rmSync(home, { recursive: true }));
  if (text !== undefined) {
    mkdirSync(join(home, ".openfaas"));
    writeFileSync(join(home, ".openfaas", "config.yml"), text);
  }
  return home;
}

const ONE = `
auths:
- gateway: http://gateway.example:31112
  auth: basic
  token: dTpw
  options: []
`;
const TWO = `${ONE}
- gateway: https://two.example
  auth: oauth2
  token: a.b.c
`;

test("the only gateway that somebody has logged in to", async () => {
  expect(await findLogin(undefined, { HOME: createHome(ONE) })).toEqual({
    url: "http://gateway.example:31112",
    authorization: "Basic dTpw",
  });
});

test("the option wins over the variable, whatever the letters and the slash at its end", async () => {
  const env = { HOME: createHome(TWO), OPENFAAS_URL: "http://gateway.example:31112" };
  expect(await findLogin("https://TWO.example/", env)).toEqual({
    url: "https://two.example",
    authorization: "Bearer a.b.c",
  });
  expect(await findLogin(undefined, env)).toMatchObject({ authorization: "Basic dTpw" });
});

test("credentials go to the gateway that they are of, and to no other", async () => {
  for (const url of ["http://gateway.example", "https://gateway.example:31112"]) {
    const login = await findLogin(url, { HOME: createHome(ONE) });
    expect(login).toEqual({ url, authorization: undefined });
  }
});

test("another folder by OPENFAAS_CONFIG", async () => {
  const folder = join(createHome(ONE), ".openfaas");
  const env = { HOME: createHome(), OPENFAAS_CONFIG: folder };
  expect(await findLogin(undefined, env)).toMatchObject({ authorization: "Basic dTpw" });
});

const WAYS = "gateway: expected one by --gateway, OPENFAAS_URL or `faas-cli login`";

test.each([
  ["nothing", undefined, `${WAYS}, got none`],
  ["several", TWO, `${WAYS}, got http://gateway.example:31112, https://two.example`],
  ["odd entries", "auths: [1, {gateway: 2}, {gateway: http://x}]", `${WAYS}, got none`],
])("is asked for where there is %s", async (_case, text, message) => {
  await expect(findLogin(undefined, { HOME: createHome(text) })).rejects.toThrow(message);
});

test("a file that is no YAML is named, and not shown", async () => {
  const home = createHome("auths: [secret");
  await expect(findLogin(undefined, { HOME: home })).rejects.toThrow(
    `${join(home, ".openfaas", "config.yml")}: expected YAML, got something else`,
  );
});

test.each(["gateway.example", "ftp://gateway.example"])("%s is no gateway's URL", async (text) => {
  await expect(findLogin(text, { HOME: createHome() })).rejects.toThrow(
    `gateway: expected an http or https URL, got "${text}"`,
  );
});
