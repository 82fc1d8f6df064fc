/** What of a queued call its worker's request shows. */
import { describe, expect, test } from "@jest/globals";
import { toCallTarget, toQueuedToken } from "../../../contract/queue/index.ts";

describe("the target of a queued call", () => {
  test.each([
    ["", "", ""],
    ["/", "", "/"],
    ["/a/b", "q=1&r", "/a/b?q=1&r"],
    ["", "q", "?q"],
    ["/%2F%5c", "%41?", "/%2F%5c?%41?"],
    ["/\u00e9", "\u00ff", "/%C3%A9?%C3%BF"],
  ])("with the path %j and the query %j is %j", (path, query, expected) => {
    expect(toCallTarget({ path, query })).toBe(expected);
  });
});

describe("the token of a queued call", () => {
  const nonce = "0123456789abcdef";

  test("is its nonce, and where the answer goes", () => {
    expect(toQueuedToken({ nonce, callback: undefined })).toBe(nonce);
    expect(toQueuedToken({ nonce, callback: new URL("http://a.example/") })).toBe(
      // printf 'http://a.example/' | openssl dgst -sha256 -binary | basenc --base64url
      `${nonce}.IX-6vA56oXEVQ1r9lmtzSnbIW5sUE2uWe6ExtCsh5ss`,
    );
  });
});
