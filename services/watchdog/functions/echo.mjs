/** Answers with the request: what a function gets of a call. */
export default {
  async fetch(request) {
    const { pathname, search } = new URL(request.url);
    return Response.json({
      method: request.method,
      path: pathname,
      query: search,
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    });
  },
};
