import { describe, expect, it } from "@jest/globals";
import { capture, captureOrFail, CommandError } from "../../../toolchain/cli/process.ts";

describe("capture", () => {
  it("returns exit code, output and error output of a program", async () => {
    const result = await capture("sh", ["-c", "cat; echo oops >&2; exit 3"], { input: "hello" });
    expect(result).toEqual({ code: 3, stdout: "hello", stderr: "oops\n" });
  });

  it("names a program that is not there", async () => {
    await expect(capture("plonk-no-such-program", [])).rejects.toThrow(
      /^plonk-no-such-program: spawn plonk-no-such-program ENOENT$/,
    );
  });
});

describe("captureOrFail", () => {
  it("returns the output of a program that succeeds", async () => {
    expect(await captureOrFail("printf", ["yes"])).toBe("yes");
  });

  it("reports a failure with the command, the exit code and its last lines", async () => {
    const failure = captureOrFail("sh", ["-c", "seq 1 20 >&2; exit 7"]);
    await expect(failure).rejects.toBeInstanceOf(CommandError);
    await expect(failure).rejects.toThrow(
      "sh -c seq 1 20 >&2; exit 7: exit 7\n13\n14\n15\n16\n17\n18\n19\n20",
    );
  });
});
