/** Checksum files as vendors write them. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { findChecksum } from "../../../toolchain/checksums.ts";

const A = "a".repeat(64);
const B = "B".repeat(64);

describe("a checksum file", () => {
  test.each([
    ["text mode", `${A}  tool.tar.gz\n`],
    ["binary mode", `${A} *tool.tar.gz\n`],
    ["one space", `${A} tool.tar.gz`],
    ["folders", `${A}  ./dist/tool.tar.gz\n`],
    ["Windows line ends", `${B}  other\r\n${A}  tool.tar.gz\r\n`],
    ["the digest alone", `${A}\n`],
    ["the same line twice", `${A}  tool.tar.gz\n${A}  dist/tool.tar.gz\n`],
    ["remarks", `# made by us\n${A}  tool.tar.gz\n\n`],
  ])("with %s is understood", (_, text) => {
    expect(findChecksum(text, "tool.tar.gz")).toEqual({ algorithm: "sha256", digest: A });
  });

  test("may use capital letters", () => {
    expect(findChecksum(`${B}  tool`, "tool").digest).toBe("b".repeat(64));
  });

  test.each([
    ["sha1", 40],
    ["sha512", 128],
  ])("may state %s", (algorithm, length) => {
    expect(findChecksum(`${"1".repeat(length)}  tool`, "tool").algorithm).toBe(algorithm);
  });

  test.each([
    ["nothing", "", "none"],
    ["a web page", "<html>Not found</html>", "none"],
    ["other files", `${A}  tool.tar.gz.sig\n${B}  mytool.tar.gz\n`, "none"],
    ["a digest of odd length", `${A}0  tool.tar.gz\n`, "none"],
    ["several digests without names", `${A}\n${B}\n`, "none"],
    ["two that differ", `${A}  tool.tar.gz\n${B}  old/tool.tar.gz\n`, "2 that differ"],
  ])("with %s is refused", (_, text, got) => {
    expect(() => findChecksum(text, "tool.tar.gz")).toThrow(
      `tool.tar.gz: expected one checksum in the release's list, got ${got}`,
    );
  });

  test("gives the digest of exactly the file that is asked for", () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,20}$/);
    const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
    const entries = fc.uniqueArray(fc.tuple(name, hex), { minLength: 2, selector: ([key]) => key });
    fc.assert(
      fc.property(entries, fc.nat(), (lines, index) => {
        const text = lines.map(([file, digest]) => `${digest}  ${file}`).join("\n");
        const [file, digest] = lines[index % lines.length] ?? ["", ""];
        expect(findChecksum(text, file)).toEqual({ algorithm: "sha256", digest });
      }),
    );
  });
});
