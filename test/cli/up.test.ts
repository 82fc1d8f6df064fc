import { describe, expect, it } from "@jest/globals";
import { parseRequest } from "../../cli/up.ts";

describe("parseRequest", () => {
  it("takes -c, --config, -s and --stack as the Pulumi CLI does", () => {
    const args = ["-c", "plonk:a=1", "--stack", "dev", "--config", "plonk:b=x=y"];
    expect(parseRequest("up", args)).toEqual({
      name: "dev",
      settings: ["plonk:a=1", "plonk:b=x=y"],
    });
    expect(parseRequest("up", ["-s", "dev"])).toEqual({ name: "dev", settings: [] });
    expect(parseRequest("up", ["--stack=dev"])).toEqual({ name: "dev", settings: [] });
    expect(parseRequest("up", [])).toEqual({ name: "local", settings: [] });
  });

  it.each([
    [["--nonsense", "x"], "up: expected --stack name or --config key=value, got --nonsense x"],
    [["-c"], "up: expected --stack name or --config key=value, got -c"],
    [
      ["-s", "../x"],
      '--stack: expected 1 to 32 lower-case letters, digits and hyphens, got "../x"',
    ],
  ])("refuses %j", (args, message) => {
    expect(() => parseRequest("up", args)).toThrow(message);
  });
});
