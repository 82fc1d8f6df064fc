/** A function that reads its secret. */
import { readFile } from "node:fs/promises";

export default {
  async fetch(request) {
    const greeting = await readFile("/var/openfaas/secrets/greeting", "utf8");
    return new Response(`${greeting} ${await request.text()}`);
  },
};
