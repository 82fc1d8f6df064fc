/** Answers with the digest of the body, in hexadecimal: `?algorithm=sha512`, or the environment. */
import { createHash, getHashes } from "node:crypto";

export default {
  async fetch(request) {
    const asked = new URL(request.url).searchParams.get("algorithm");
    const algorithm = asked ?? process.env["hash_algorithm"] ?? "";
    if (!getHashes().includes(algorithm)) {
      const got = JSON.stringify(algorithm);
      const text = `algorithm: expected one such as sha256 or sha512, got ${got}\n`;
      return new Response(text, { status: 400 });
    }
    const hash = createHash(algorithm);
    for await (const chunk of request.body ?? []) {
      hash.update(chunk);
    }
    return new Response(`${hash.digest("hex")}\n`);
  },
};
