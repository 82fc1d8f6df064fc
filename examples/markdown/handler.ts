/** Turns Markdown into HTML: `curl --data-binary @README.md <gateway>/function/markdown`. */
import { marked } from "marked";

export default {
  /** A web-standard handler: one Request in, one Response out. */
  async fetch(request: Request): Promise<Response> {
    const html = await marked.parse(await request.text());
    return new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } });
  },
};
