/** Settings from the environment. */
import { describe, expect, test } from "@jest/globals";
import { Type } from "typebox";
import {
  booleanSetting,
  durationSetting,
  logLevelSetting,
  portSetting,
} from "../../../contract/environment/index.ts";
import { ConfigError, loadConfig } from "../../../services/lib/config.ts";

const Schema = Type.Object({
  port: portSetting(8080),
  read_timeout: durationSetting("60s"),
  basic_auth: booleanSetting(false),
  log_level: logLevelSetting,
  host: Type.String(),
});

describe("loadConfig", () => {
  test("fills in defaults and turns numbers into numbers", () => {
    expect(loadConfig(Schema, { host: "a", port: "99", PATH: "/bin" })).toEqual({
      host: "a",
      port: 99,
      read_timeout: "60s",
      basic_auth: "false",
      log_level: "info",
    });
  });

  test("takes an empty variable for one that is not set", () => {
    expect(loadConfig(Schema, { host: "a", port: "" }).port).toBe(8080);
  });

  test("does not change the schema that it is given", () => {
    loadConfig(Schema, { host: "a" });
    expect(Schema).not.toHaveProperty("additionalProperties");
  });

  test("names a missing variable", () => {
    expect(() => loadConfig(Schema, {})).toThrow(
      new ConfigError("host: expected a value, got nothing"),
    );
  });

  test("names every wrong variable with its value", () => {
    const env = { host: "a", port: "x", read_timeout: "5q", log_level: "loud" };
    expect(() => loadConfig(Schema, env)).toThrow(
      [
        'port: expected integer, got "x"',
        'read_timeout: expected a duration such as 1m5s or whole seconds, got "5q"',
        'log_level: expected one of trace, debug, info, warn, error, fatal, silent, got "loud"',
      ].join("\n"),
    );
  });

  test("refuses a port out of range", () => {
    expect(() => loadConfig(Schema, { host: "a", port: "65536" })).toThrow(
      'port: expected <= 65535, got "65536"',
    );
  });
});
