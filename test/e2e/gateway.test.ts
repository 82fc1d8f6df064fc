/** The gateway on a real cluster: one stack, on which each suite beside this file has its turn. */
import { afterAll, beforeAll, describe } from "@jest/globals";
import { type Stack, startStack } from "../support/stack.ts";
import { describeCanary } from "./gateway/canary.ts";
import { describeClients } from "./gateway/clients.ts";
import { describeCode } from "./gateway/code.ts";
import { describeNamespaces } from "./gateway/namespaces.ts";
import { describeReachability } from "./gateway/reachability.ts";
import { describeUi } from "./gateway/ui.ts";

const minute = 60_000;

let running: Stack | undefined;

/** For inside of tests and hooks: the stack is not there yet when suites are declared. */
function stack(): Stack {
  if (running === undefined) {
    throw new Error("stack: expected a running one, got none");
  }
  return running;
}

beforeAll(async () => {
  running = await startStack("gw", "198.18.78.0/24");
}, 10 * minute);

afterAll(async () => {
  await running?.stop();
}, 5 * minute);

// Each in a block of its own, so that it cleans up before the stack goes.
describe("code", () => {
  describeCode(stack);
});
describe("namespaces", () => {
  describeNamespaces(stack);
});
describe("clients", () => {
  describeClients(stack);
});
describe("reachability", () => {
  describeReachability(stack);
});
describe("page", () => {
  describeUi(stack);
});
describe("canary", () => {
  describeCanary(stack);
});
