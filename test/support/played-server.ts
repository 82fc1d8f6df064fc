/** A server whose every byte a test decides, and the gateway's connections to it. */
import { createServer, type Server, type Socket } from "node:net";
import { Connections } from "../../services/gateway/upstream/connections.ts";
import { listen } from "../../services/lib/servers.ts";

export class PlayedServer {
  /** Connections in the order in which they came, and what has come on each, in latin1. */
  readonly accepted: Socket[] = [];
  readonly received: string[] = [];
  /** What is done with what has come so far on a connection. */
  play: (socket: Socket, text: string) => void;
  readonly port: number;
  readonly upstream: Connections;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
    const place = { hostname: "127.0.0.1", port };
    this.upstream = new Connections({ ...place, host: "f.example", connectMs: 60_000 });
    this.play = (socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    server.on("connection", (socket) => this.#accept(socket));
  }

  static async start(): Promise<PlayedServer> {
    const server = createServer();
    return new PlayedServer(server, await listen(server, 0, "127.0.0.1"));
  }

  async stop(): Promise<void> {
    this.accepted.forEach((socket) => socket.destroy());
    this.#server.close();
    await this.upstream.close();
  }

  /** Answers one request after the other, none of which has a body. */
  answerWith(...answers: string[]): void {
    this.play = (socket, text) => {
      const requests = text.split("\r\n\r\n").length - 1;
      socket.write(answers[requests - 1] ?? "", "latin1");
    };
  }

  /** The connection that came last. */
  get last(): Socket {
    const socket = this.accepted.at(-1);
    if (socket === undefined) {
      throw new Error("expected a connection, got none");
    }
    return socket;
  }

  #accept(socket: Socket): void {
    const index = this.accepted.push(socket) - 1;
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      const text = (this.received[index] ?? "") + chunk.toString("latin1");
      this.received[index] = text;
      this.play(socket, text);
    });
  }
}
