/** Fastify with `@fastify/reply-from`, as its documentation sets it up. */
import replyFrom from "@fastify/reply-from";
import fastify from "fastify";

const [port = 0, upstreamPort] = process.argv.slice(2).map(Number);
const app = fastify({ logger: false });
// Bodies are passed on as they come, not parsed.
app.removeAllContentTypeParsers();
app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
await app.register(replyFrom, { base: `http://127.0.0.1:${upstreamPort}` });
app.all("/*", (request, reply) => reply.from(request.url));
await app.listen({ port, host: "127.0.0.1" });
