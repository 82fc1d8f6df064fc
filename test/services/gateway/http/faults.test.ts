/** Faults of ours in callbacks that nobody waits for: each ends what it is about. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { PassThrough, Writable } from "node:stream";
import { beforeEach, describe, expect, jest, test } from "@jest/globals";
import { drainRequest } from "../../../../services/gateway/http/drain-request.ts";
import {
  closeConnection,
  refuseTunnel,
  writeAndRelease,
} from "../../../../services/gateway/http/guard/index.ts";
import { answerFault } from "../../../../services/gateway/http/guarded.ts";
import { StreamedBody } from "../../../../services/gateway/http/request-body.ts";
import { logFaultsTo } from "../../../../services/lib/faults.ts";
import { createKeptLog, type KeptLog } from "../../../support/logs.ts";

const FAULT = new TypeError("a fault of ours");

let log: KeptLog;

const fail = (): never => {
  throw FAULT;
};

beforeEach(() => {
  log = createKeptLog();
  logFaultsTo(log.logger);
});

test("an answer that cannot be given ends the connection", () => {
  const destroy = jest.fn();
  const request = { headers: {}, complete: true, socket: { destroy } };
  const response = { headersSent: false, destroyed: false, writeHead: fail };
  answerFault(request as unknown as IncomingMessage, response as unknown as ServerResponse, []);
  expect(destroy).toHaveBeenCalledTimes(1);
});

interface FakeRequest {
  request: PassThrough & IncomingMessage;
  destroy: jest.Mock;
}

function createRequest(): FakeRequest {
  const destroy = jest.fn();
  const parts = {
    headers: { "transfer-encoding": "chunked" },
    complete: false,
    socket: { destroy, destroySoon: fail },
  };
  const request = Object.assign(new PassThrough(), parts) as unknown as FakeRequest["request"];
  return { request, destroy };
}

const settle = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve));

describe("a body that is read after its answer", () => {
  test("ends with its connection after a fault in what follows", async () => {
    const { request, destroy } = createRequest();
    drainRequest(request, fail);
    request.end("rest");
    await settle();
    await settle();
    expect(destroy).toHaveBeenCalled();
  });

  test("does so after a fault in its own end", async () => {
    const { request, destroy } = createRequest();
    drainRequest(request);
    request.write(Buffer.alloc(1024 * 1024 + 1));
    await settle();
    expect(destroy).toHaveBeenCalledTimes(1);
  });
});

test.each([
  ["while it moves", (request: PassThrough) => request.write("part")],
  ["at its end", (request: PassThrough) => request.end()],
])("a body that is streamed ends the connection to the function, %s", async (_when, act) => {
  const { request } = createRequest();
  const to = new Writable({ write: (_chunk, _encoding, done) => done() });
  const ended = new Promise((resolve) => to.once("error", resolve));
  jest.spyOn(to, "write").mockImplementation(fail);
  new StreamedBody(request).begin(to, () => undefined);
  act(request);
  expect([await ended, to.destroyed]).toEqual([FAULT, true]);
});

test("memory that cannot be released stays", async () => {
  const bytes = Buffer.alloc(64 * 1024);
  Object.assign(bytes.buffer, { transfer: fail });
  await new Promise<void>((resolve) => {
    const to = new Writable({ write: (_chunk, _encoding, done) => done() });
    to.once("finish", () => resolve());
    writeAndRelease(to, bytes);
    to.end();
  });
  expect(log.text()).toContain("a fault of ours");
});

describe("a connection that is closed", () => {
  const toSocket = (parts: object): Omit<Socket, "destroy"> & { destroy: jest.Mock } =>
    ({ destroy: jest.fn(), on: jest.fn(), once: jest.fn(), ...parts }) as never;

  test("is destroyed where its end fails", () => {
    const socket = toSocket({ end: fail });
    closeConnection(socket as unknown as Socket);
    socket.destroySoon();
    expect(socket.destroy.mock.calls).toHaveLength(1);
  });

  test("is destroyed where a tunnel cannot be refused", () => {
    const socket = toSocket({ writable: true, end: fail });
    refuseTunnel(socket as unknown as Socket);
    expect(socket.destroy.mock.calls).toHaveLength(1);
  });
});
