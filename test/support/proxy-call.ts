/** A call between its caller, on a real connection, and a function that the test plays. */
import { once } from "node:events";
import {
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
  type Server,
  type ServerResponse,
} from "node:http";
import { ProxyCall } from "../../services/gateway/calls/proxy-call.ts";
import { TrustedPeers } from "../../services/gateway/http/trusted-peers.ts";
import { HeldRequest } from "./call-parts.ts";
import type { CallWorld } from "./call-world.ts";

export interface Begun {
  proxy: ProxyCall;
  caller: ClientRequest;
  request: IncomingMessage;
  response: ServerResponse;
  answer: Promise<IncomingMessage>;
  held: HeldRequest;
}

export interface ProxyPlace {
  /** Listens on `port`. */
  server: Server;
  port: number;
  world: CallWorld;
  health: { isStopping: boolean };
  /** @default none is trusted */
  peers?: TrustedPeers;
}

/** A caller's request, taken over by the gateway. Its body is the test's to send. */
export async function beginProxyCall(
  { server, port, world, health, peers = new TrustedPeers() }: ProxyPlace,
  options: RequestOptions = {},
  body?: Buffer,
): Promise<Begun> {
  const caller = httpRequest({ host: "127.0.0.1", port, agent: false, ...options });
  const answered = new Promise<IncomingMessage>((resolve) => caller.once("response", resolve));
  caller.on("error", () => undefined).flushHeaders();
  const [request, response] = (await once(server, "request")) as [IncomingMessage, ServerResponse];
  const { context, state } = world;
  const proxy = new ProxyCall({
    context: { ...context, peers, health },
    ...{ request, response, call: world.begin(), state, target: "/x?y=1", body },
  });
  proxy.start();
  return { proxy, caller, request, response, answer: answered, held: new HeldRequest() };
}

/** Answers as a function does. */
export function answer(
  { proxy, held }: Begun,
  body: string,
  headers: Record<string, string> = {},
): void {
  proxy.onRequestStart(held);
  proxy.onResponseStart(held, 200, headers);
  proxy.onResponseData(held, Buffer.from(body));
  proxy.onResponseEnd();
}
