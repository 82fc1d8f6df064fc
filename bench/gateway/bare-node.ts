/** The lower bound: `node:http` and undici's `dispatch`, without any gateway logic. */
import { createServer, type ServerResponse } from "node:http";
import { type Dispatcher, Pool } from "undici";

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { pipelining: 1, allowH2: false });

function toHandler(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart: () => undefined,
    onResponseStart: (_controller, status, headers) => {
      response.writeHead(status, headers);
    },
    onResponseData: (controller, chunk) => {
      if (!response.write(chunk)) {
        controller.pause();
        response.once("drain", () => controller.resume());
      }
    },
    onResponseEnd: () => {
      response.end();
    },
    onResponseError: () => {
      response.destroy();
    },
  };
}

createServer((request, response) => {
  const { method = "GET", url = "/", headers } = request;
  const hasBody = headers["content-length"] !== undefined;
  delete headers.connection;
  pool.dispatch(
    { path: url, method, headers, body: hasBody ? request : null },
    toHandler(response),
  );
}).listen(port, "127.0.0.1");
