/** Small HTTP clients for tests: Node's own, which sends what it is told to, and bare bytes. */
import { once } from "node:events";
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
} from "node:http";
import { connect, type Socket } from "node:net";
import { until } from "./until.ts";

/** Header lines of a WebSocket's handshake; the key is the one of RFC 6455 §1.2. */
export const WEB_SOCKET = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** One call on a connection of its own; rejects when the answer breaks off, or after a minute. */
export async function send(
  url: string,
  { body, ...options }: RequestOptions & { body?: string | Buffer } = {},
): Promise<Answer> {
  const signal = AbortSignal.timeout(60_000);
  const request = httpRequest(url, { agent: false, signal, ...options });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
  }
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

/** A connection that sends bare text and keeps what comes back. */
export class RawConnection {
  readonly socket: Socket;
  /** All that has come. */
  text = "";
  isEnded = false;

  constructor(url: string) {
    this.socket = connect(Number(new URL(url).port), "127.0.0.1");
    this.socket.setEncoding("latin1");
    this.socket.on("data", (chunk: string) => (this.text += chunk));
    this.socket.on("error", () => (this.isEnded = true));
    this.socket.on("close", () => (this.isEnded = true));
  }

  write(...lines: string[]): this {
    this.socket.write(lines.join("\r\n"), "latin1");
    return this;
  }

  /** Resolves when the text contains this. */
  async waitFor(part: string): Promise<void> {
    const what = `${JSON.stringify(part)} from the server`;
    await until(what, () => this.text.includes(part)).catch((error: unknown) => {
      throw new Error(`${String(error)}, got ${JSON.stringify(this.text)}`);
    });
  }

  waitForEnd(): Promise<void> {
    return until("the end of the connection", () => this.isEnded);
  }

  close(): void {
    this.socket.destroy();
  }
}
