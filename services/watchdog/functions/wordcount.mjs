/** Answers with how many lines, words and bytes the body has. */
export default {
  async fetch(request) {
    const body = Buffer.from(await request.arrayBuffer());
    const text = body.toString();
    return Response.json({
      lines: text.split("\n").length - 1,
      words: text.split(/\s+/).filter((word) => word !== "").length,
      bytes: body.length,
    });
  },
};
