import { expect, test } from "@jest/globals";
import { drawNonce } from "../../../../services/lib/queue/nonce.ts";

test("nonces are 16 characters, and none is drawn twice", () => {
  const drawn = Array.from({ length: 1000 }, drawNonce);
  expect(new Set(drawn).size).toBe(drawn.length);
  expect(drawn.filter((nonce) => !/^[A-Za-z0-9_-]{16}$/.test(nonce))).toEqual([]);
});
