/** Requests as text, and those that would be read as something else. */
import { describe, expect, test } from "@jest/globals";
import {
  type BodyFraming,
  type RequestHead,
  toRequestText,
} from "../../../../services/gateway/upstream/request-head.ts";

describe("a request", () => {
  const headers = ["X-a", "1", "Content-Length", "77", "HOST", "h", "x-a", "\xe9"];
  headers.push("Transfer-Encoding", "gzip", "Connection", "close");

  test.each<[string, BodyFraming, string]>([
    ["GET", undefined, ""],
    ["DELETE", undefined, ""],
    ["POST", undefined, "content-length: 0\r\n"],
    ["PATCH", undefined, "content-length: 0\r\n"],
    ["GET", 3, "content-length: 3\r\n"],
    ["POST", 0, "content-length: 0\r\n"],
    ["PUT", "chunked", "transfer-encoding: chunked\r\n"],
  ])("%s of %s is framed by what is really sent", (method, framing, line) => {
    const head = `${method} /a?b HTTP/1.1\r\nhost: f.example\r\nconnection: keep-alive\r\n`;
    expect(toRequestText({ method, path: "/a?b", headers }, "f.example", framing)).toBe(
      `${head}X-a: 1\r\nx-a: \xe9\r\n${line}\r\n`,
    );
  });

  test.each<[Partial<RequestHead>, string]>([
    [{ method: "GET /x HTTP/1.1\r\nA:" }, "request line"],
    [{ method: "" }, "request line"],
    [{ path: "/ HTTP/1.1\r\nA: b\r\n" }, "request line"],
    [{ path: "" }, "request line"],
    [{ path: "/a b" }, "request line"],
    [{ path: "/\u010d" }, "request line"],
    [{ headers: ["a", "b\r\nc: d"] }, "a: expected"],
    [{ headers: ["a", "b\0"] }, "a: expected"],
    [{ headers: ["a", "b\x7f"] }, "a: expected"],
    // In latin1 they would be line ends.
    [{ headers: ["a", "\u010d\u010a"] }, "a: expected"],
    [{ headers: ["a: b\r\nc", "d"] }, "header: expected"],
    [{ headers: ["", "d"] }, "header: expected"],
    [{ headers: ["\u0161", "d"] }, "header: expected"],
  ])("that would be another one is refused: %j", (parts, message) => {
    const head = { method: "GET", path: "/", headers: [], ...parts };
    const write = (): string => toRequestText(head, "f.example", undefined);
    expect(write).toThrow(expect.objectContaining({ code: "UPSTREAM_REQUEST" }));
    expect(write).toThrow(message);
  });
});
