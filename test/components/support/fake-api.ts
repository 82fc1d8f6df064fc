/** An API server in name only: it answers what a test gives it, and 404 to everything else. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { stringify } from "yaml";

/** Body by path, or a status alone; a function gets the body of the request. */
export type Answers = Record<string, number | Record<string, unknown> | ((body: string) => object)>;

export interface FakeApi {
  url: string;
  /** With two contexts: `here` is this server, `elsewhere`, the current one, is none. */
  kubeconfig: string;
  stop: () => void;
}

/** Starts it on a free port of loopback. It keeps no process alive. */
export async function startFakeApi(answers: Answers = {}): Promise<FakeApi> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const answer = answers[request.url?.split("?")[0] ?? ""] ?? 404;
      const status = typeof answer === "number" ? answer : 200;
      response.writeHead(status, { "content-type": "application/json", connection: "close" });
      const content = typeof answer === "function" ? answer(body) : answer;
      response.end(JSON.stringify(typeof content === "number" ? { code: content } : content));
    });
  });
  server.listen(0, "127.0.0.1").unref();
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, kubeconfig: toKubeconfig(url, "elsewhere"), stop: () => closeNow(server) };
}

function closeNow(server: Server): void {
  server.closeAllConnections();
  server.close();
}

/** A kubeconfig of two clusters and two users. */
export function toKubeconfig(url: string, current: string): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": current,
    clusters: [
      // The client takes plain HTTP only so.
      { name: "c1", cluster: { server: url, "insecure-skip-tls-verify": true } },
      { name: "c2", cluster: { server: "https://[fd00::7]:443/path" } },
    ],
    contexts: [
      { name: "here", context: { cluster: "c1", user: "u1", namespace: "n" } },
      { name: "elsewhere", context: { cluster: "c2", user: "u2" } },
      { name: "lost", context: { cluster: "c3", user: "u1" } },
    ],
    users: [
      { name: "u1", user: { token: "hunter1" } },
      { name: "u2", user: { token: "hunter2" } },
    ],
  });
}
