/** The part of a call's id that nobody guesses. */
import { randomBytes } from "node:crypto";

/** 16 characters of base64url: 96 bits. */
export function drawNonce(): string {
  return randomBytes(12).toString("base64url");
}
