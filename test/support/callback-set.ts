/** What tests of callbacks share: receivers that count connections, senders, name servers. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { Socket } from "node:net";
import { AddressPolicy } from "../../services/lib/address-policy.ts";
import type { ResolveName } from "../../services/lib/guarded-lookup.ts";
import { listen } from "../../services/lib/servers.ts";
import {
  type Callback,
  CallbackSender,
  type CallbackSenderOptions,
} from "../../services/queue-worker/callback-sender.ts";
import { stopServer } from "./network.ts";

export interface SeenCallback {
  request: IncomingMessage;
  body: Buffer;
}

export interface CountingReceiver {
  port: number;
  seen: SeenCallback[];
  /** All connections that it has ever had. */
  connections: Socket[];
  /** By which of the machine's addresses they came. */
  addresses: (string | undefined)[];
}

export interface SenderOptions extends Partial<Omit<CallbackSenderOptions, "policy">> {
  /** @default loopback */
  allow?: string[];
}

export interface CallbackSet {
  /** Starts a receiver, of HTTP unless `server` is another. @default it thanks, on 127.0.0.1 */
  receive: (
    answer?: RequestListener,
    options?: { server?: Server; host?: string },
  ) => Promise<CountingReceiver>;
  createSender: (options?: SenderOptions) => CallbackSender;
}

/** @param atEnd of `collectCleanups` */
export function createCallbackSet(atEnd: (end: () => unknown) => void): CallbackSet {
  return {
    receive: async (answer = thank, { server = createServer(), host = "127.0.0.1" } = {}) => {
      const receiver: CountingReceiver = { port: 0, seen: [], connections: [], addresses: [] };
      record(server, receiver, answer);
      atEnd(() => stopServer(server));
      receiver.port = await listen(server, 0, host);
      return receiver;
    },
    createSender: ({ allow = ["127.0.0.0/8"], ...rest } = {}) => {
      const sender = new CallbackSender({ policy: new AddressPolicy(allow), ...rest });
      atEnd(() => sender.close());
      return sender;
    },
  };
}

const thank: RequestListener = (_request, response) => void response.end("thanks");

function record(server: Server, receiver: CountingReceiver, answer: RequestListener): void {
  // A connection that is closed while it is used again would be a failed callback.
  server.keepAliveTimeout = 65_000;
  server.on("connection", (socket: Socket) => {
    receiver.connections.push(socket);
    receiver.addresses.push(socket.localAddress);
  });
  server.on("request", (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      receiver.seen.push({ request, body: Buffer.concat(chunks) });
      answer(request, response);
    });
  });
}

export function toCallback(url: string, other: Partial<Callback> = {}): Callback {
  return { url: new URL(url), headers: {}, body: Buffer.from("answer"), ...other };
}

/** Name servers that give these IPv4 addresses in turn, and the last ones from then on. */
export function answerInTurn(...answers: string[][]): { resolver: ResolveName; asked: string[] } {
  const asked: string[] = [];
  const resolver: ResolveName = async (hostname) => {
    const addresses = answers[Math.min(asked.push(hostname), answers.length) - 1] ?? [];
    return await Promise.resolve(addresses.map((address) => ({ address, family: 4 })));
  };
  return { resolver, asked };
}

/** The one element of a list. */
export function only<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined || list.length > 1) {
    throw new Error(`expected one, got ${list.length}`);
  }
  return first;
}
