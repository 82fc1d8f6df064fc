/** Prints the hash of the password on standard input, for a hand-written `users.yaml`. */
import { randomBytes } from "node:crypto";
import { text } from "node:stream/consumers";
import { hashPassword } from "../../../contract/password-hash.ts";

const password = (await text(process.stdin)).replace(/\r?\n$/, "");
if (password === "") {
  process.stderr.write("password: expected one on standard input, got nothing\n");
  process.exitCode = 1;
} else {
  process.stdout.write(`${await hashPassword(password, randomBytes(16))}\n`);
}
