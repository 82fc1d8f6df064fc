import { describe, expect, it } from "@jest/globals";
import { parseSettings } from "../../../toolchain/cli/up.ts";

describe("parseSettings", () => {
  it("takes -c and --config as the Pulumi CLI does", () => {
    expect(parseSettings(["-c", "plonk:a=1", "--config", "plonk:b=x=y"])).toEqual([
      "plonk:a=1",
      "plonk:b=x=y",
    ]);
    expect(parseSettings([])).toEqual([]);
  });

  it.each([
    [["--nonsense", "x"], "up: expected --config key=value, got --nonsense"],
    [["-c"], "up: expected --config key=value, got -c"],
  ])("refuses %j", (args, message) => {
    expect(() => parseSettings(args)).toThrow(message);
  });
});
