/** Third of three stacks: a team's functions, on the platform of the second one. */
import * as pulumi from "@pulumi/pulumi";
import { CallbackFunction, FunctionSecret, platformFromStack } from "plonk";

const config = new pulumi.Config();
const platform = platformFromStack(config.require("platformStack"));

const word = new FunctionSecret("word", { platform, value: config.requireSecret("word") });

const greeter = new CallbackFunction("greeter", {
  platform,
  callback: async (event) => {
    const { readFile } = await import("node:fs/promises");
    const word = await readFile("/var/openfaas/secrets/word", "utf8");
    return `${word} ${String(event.body)}`;
  },
  secrets: [word.name],
});

/** Address of the function. */
export const { url } = greeter;
