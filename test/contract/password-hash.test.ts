/** Hashes of passwords. */
import { scryptSync } from "node:crypto";
import { describe, expect, jest, test } from "@jest/globals";
import { hashPassword, parsePasswordHash, verifyPassword } from "../../contract/password-hash.ts";
import { quickHash } from "../support/users.ts";

jest.setTimeout(60_000);

const SALT = Buffer.from("0123456789abcdef");

async function verify(password: string, text: string): Promise<boolean> {
  const hash = parsePasswordHash(text);
  return hash !== undefined && verifyPassword(password, hash);
}

describe("hashPassword", () => {
  test("is scrypt at OWASP's cost, in the PHC string format", async () => {
    const expected = scryptSync("pass", SALT, 32, { N: 2 ** 14, r: 8, p: 5 });
    expect(await hashPassword("pass", SALT)).toBe(
      `$scrypt$ln=14,r=8,p=5$MDEyMzQ1Njc4OWFiY2RlZg$${expected.toString("base64").slice(0, 43)}`,
    );
  });

  test("gives the same for the same password and salt only", async () => {
    const [first, same, other, salted] = await Promise.all([
      hashPassword("pass", SALT),
      hashPassword("pass", SALT),
      hashPassword("Pass", SALT),
      hashPassword("pass", Buffer.from("fedcba9876543210")),
    ]);
    expect(same).toBe(first);
    expect(new Set([first, other, salted]).size).toBe(3);
  });
});

describe("verifyPassword", () => {
  test("takes the right password and no other", async () => {
    const hash = await hashPassword("pässword", SALT);
    expect(await verify("pässword", hash)).toBe(true);
    expect(await verify("pässwor", hash)).toBe(false);
    expect(await verify("", hash)).toBe(false);
  });

  test("goes by the cost in the text", async () => {
    expect(await verify("pass", quickHash("pass"))).toBe(true);
    expect(await verify("pass", quickHash("pass").replace("ln=10", "ln=11"))).toBe(false);
  });
});

describe("parsePasswordHash", () => {
  const good = quickHash("x");

  test.each([
    ["another algorithm", good.replace("$scrypt", "$argon2id")],
    ["no algorithm", "plain-password"],
    ["nothing", ""],
    ["a cost below 2^10", good.replace("ln=10", "ln=09")],
    ["a cost of more memory than a gateway has", good.replace("ln=10,r=8", "ln=16,r=8")],
    ["r of zero", good.replace("r=8", "r=0")],
    ["p of zero", good.replace("p=1", "p=0")],
    ["a short salt", "$scrypt$ln=10,r=8,p=1$c2FsdA$" + "A".repeat(43)],
    ["a short hash", "$scrypt$ln=10,r=8,p=1$" + "A".repeat(22) + "$AAAA"],
    ["a line end", `${good}\n`],
  ])("refuses %s", (_what, text) => {
    expect(parsePasswordHash(text)).toBeUndefined();
  });
});
