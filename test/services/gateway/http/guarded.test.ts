/** A fault of the gateway's own in a step of a request. */
import { createServer, type RequestListener } from "node:http";
import { afterEach, expect, test } from "@jest/globals";
import { guarded } from "../../../../services/gateway/http/guarded.ts";
import { listen } from "../../../../services/lib/servers.ts";
import { collectCleanups } from "../../../support/cleanup.ts";
import { createKeptLog } from "../../../support/logs.ts";
import { stopServer } from "../../../support/network.ts";

const onTestEnd = collectCleanups(afterEach);

const log = createKeptLog();

/** Calls a server whose requests do this. */
async function call(listener: RequestListener): Promise<Response> {
  const server = createServer(listener);
  onTestEnd(() => stopServer(server));
  return await fetch(`http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}/`);
}

const fault = (): never => {
  throw new TypeError("push is not a function");
};

test.each<[string, () => void | Promise<void>]>([
  ["an error", fault],
  ["a promise that is rejected", () => Promise.reject(new TypeError("push is not a function"))],
  ["an error after a wait", () => Promise.resolve().then(fault)],
])("%s is answered with 500, and in the log only", async (_, step) => {
  const answer = await call((request, response) =>
    guarded({ request, response, logger: log.logger }, step),
  );
  expect([answer.status, await answer.text()]).toEqual([
    500,
    "The gateway failed by a fault of its own, which is in its log.",
  ]);
  expect(log.text()).toContain("push is not a function");
});

test("an answer that has begun is cut off", async () => {
  const answer = call((request, response) => {
    response.writeHead(200).write("begun");
    guarded({ request, response, logger: log.logger }, fault);
  });
  await expect(answer.then((begun) => begun.text())).rejects.toThrow();
});

test("a step that goes well answers by itself", async () => {
  const answer = await call((request, response) =>
    guarded({ request, response, logger: log.logger }, () => void response.end("fine")),
  );
  expect(await answer.text()).toBe("fine");
});
