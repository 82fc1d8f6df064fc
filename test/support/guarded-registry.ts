/**
 * A registry with TLS and a password: `crane registry serve` behind a server that checks the
 * password.
 */
import { once } from "node:events";
import { type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { ServerIdentity } from "./authority.ts";
import { stopServer } from "./network.ts";
import { Registry } from "./open-network/registry.ts";

/** Who may push and pull. */
export interface Login {
  username: string;
  password: string;
}

/** Of an image for several platforms, as far as it is needed. */
interface Index {
  manifests: { digest: string; platform: { architecture: string } }[];
}

interface Manifest {
  layers: { digest: string }[];
}

export class GuardedRegistry {
  readonly port: number;
  /** Method and path of each request that came with the password. */
  readonly requests: string[] = [];
  readonly #registry: Registry;
  readonly #server: Server;

  private constructor(registry: Registry, server: Server) {
    this.#registry = registry;
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Starts with nothing in it, on all addresses: those of a cluster's network may come later. */
  static async start(
    crane: string,
    directory: string,
    { login, identity }: { login: Login; identity: ServerIdentity },
  ): Promise<GuardedRegistry> {
    const registry = await Registry.start(crane, directory);
    const server = createServer(identity).listen(0);
    // A connection that is closed while it is used again would be a failed push.
    server.keepAliveTimeout = 0;
    await once(server, "listening");
    const guarded = new GuardedRegistry(registry, server);
    const expected = `Basic ${toBase64(login)}`;
    server.on("request", (asked: IncomingMessage, answer: ServerResponse) => {
      if (asked.headers.authorization === expected) {
        guarded.#pass(asked, answer);
      } else {
        answer.writeHead(401, { "www-authenticate": 'Basic realm="registry"' }).end();
      }
    });
    return guarded;
  }

  /** Whether an image's layers are there, by the architectures that its index names. */
  async readPlatforms(image: string): Promise<Record<string, boolean>> {
    const [name = "", tag = ""] = image.split(":");
    const index = await this.#read<Index>(`${name}/manifests/${tag}`);
    const found = index.manifests.map(async ({ digest, platform }) => {
      const { layers } = await this.#read<Manifest>(`${name}/manifests/${digest}`);
      const answers = layers.map((layer) => this.#ask(`${name}/blobs/${layer.digest}`, "HEAD"));
      const areThere = (await Promise.all(answers)).map(({ ok }) => ok);
      return [platform.architecture, layers.length > 0 && !areThere.includes(false)] as const;
    });
    return Object.fromEntries(await Promise.all(found));
  }

  async #read<T>(path: string): Promise<T> {
    return (await (await this.#ask(path)).json()) as T;
  }

  #ask(path: string, method = "GET"): Promise<Response> {
    return fetch(`http://${this.#registry.host}/v2/${path}`, { method });
  }

  async stop(): Promise<void> {
    await stopServer(this.#server);
    await this.#registry.stop();
  }

  #pass(asked: IncomingMessage, answer: ServerResponse): void {
    const { method = "GET", url = "/", headers } = asked;
    this.requests.push(`${method} ${url}`);
    const onward = request(`http://${this.#registry.host}${url}`, { method, headers }, (found) => {
      answer.writeHead(found.statusCode ?? 502, found.headers);
      found.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    asked.pipe(onward);
  }
}

/** As `docker login` keeps it, and as it goes into a request. */
export function toBase64({ username, password }: Login): string {
  return Buffer.from(`${username}:${password}`).toString("base64");
}
