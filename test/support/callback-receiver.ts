/** A small HTTP server that records its requests: the callback of asynchronous calls. */
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { text } from "node:stream/consumers";
import { listen } from "../../services/lib/servers.ts";
import { stopServer } from "./network.ts";

export class CallbackReceiver {
  /** Address for callbacks, with a path. */
  readonly url: string;
  /** All complete requests so far, in the order of completion. */
  readonly received: readonly ReceivedCallback[];
  /** Statuses of the next answers. @default 200 */
  readonly answers: number[];
  readonly #server: Server;
  #connections = 0;

  private constructor(
    server: Server,
    url: string,
    kept: { received: readonly ReceivedCallback[]; answers: number[] },
  ) {
    this.#server = server;
    this.url = url;
    this.received = kept.received;
    this.answers = kept.answers;
    server.on("connection", () => (this.#connections += 1));
  }

  /** Connections that were made so far. */
  get connections(): number {
    return this.#connections;
  }

  /**
   * Listens on a free port of `host`, an address of this machine which the caller can reach, and
   * answers 200, or what `answers` says. Jest does not end before it is closed: close it where a
   * failed test gets to, too.
   */
  static async start(host: string): Promise<CallbackReceiver> {
    const received: ReceivedCallback[] = [];
    const answers: number[] = [];
    const server = createServer((request, response) => {
      const keep = (body: string): void => {
        received.push({ headers: request.headers, body });
        response.writeHead(answers.shift() ?? 200).end();
      };
      text(request).then(keep, () => response.destroy());
    });
    // A connection that is closed while it is used again would be a failed callback.
    server.keepAliveTimeout = 65_000;
    const port = await listen(server, 0, host);
    return new CallbackReceiver(server, `http://${host}:${port}/done`, { received, answers });
  }

  /** Stops, without waiting for open connections. */
  async close(): Promise<void> {
    await stopServer(this.#server);
  }
}

export interface ReceivedCallback {
  headers: IncomingHttpHeaders;
  body: string;
}
