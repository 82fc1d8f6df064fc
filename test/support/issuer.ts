/** A real OpenID Connect issuer on loopback, whose clients are given the roles they ask for. */
import { createServer, type RequestListener, type Server } from "node:http";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import Provider from "oidc-provider";
import { listen } from "../../services/lib/servers.ts";

const SECRET = "a-client-secret-of-the-test";

/** Roles by client. */
type Clients = Readonly<Record<string, readonly string[]>>;

export class TestIssuer {
  url = "";
  /** Requests by path. */
  readonly seen = new Map<string, number>();
  /** The key that tokens are signed with now. */
  key: JWK = {};
  readonly #server: Server;
  readonly #clients: Clients;
  #rotations = 0;
  #handler: RequestListener = (_request, response) => response.writeHead(503).end();

  private constructor(clients: Clients) {
    this.#clients = clients;
    this.#server = createServer((request, response) => {
      const path = request.url?.split("?", 1)[0] ?? "";
      this.seen.set(path, (this.seen.get(path) ?? 0) + 1);
      this.#handler(request, response);
    });
    // A connection that is closed while it is used again would be a failed request.
    this.#server.keepAliveTimeout = 0;
  }

  static async start(clients: Clients): Promise<TestIssuer> {
    const issuer = new TestIssuer(clients);
    issuer.url = `http://127.0.0.1:${await listen(issuer.#server, 0, "127.0.0.1")}`;
    await issuer.rotate();
    return issuer;
  }

  /** Signs with a new key from now on, and forgets the old one. */
  async rotate(alg: "RS256" | "ES256" | "EdDSA" = "RS256"): Promise<void> {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    // Keys are known by their names: two of the same millisecond must not have the same.
    this.#rotations += 1;
    const kid = `key-${this.#rotations}`;
    this.key = { ...(await exportJWK(privateKey)), alg, use: "sig", kid };
    const provider = new Provider(this.url, toConfiguration(this.key, this.#clients));
    this.#handler = provider.callback();
  }

  /** Breaks the issuer: it answers 503 to everything. */
  breakDown(): void {
    this.#handler = (_request, response) => response.writeHead(503).end();
  }

  /** A token by the grant `client_credentials`. */
  async token(client: string, audience = "plonk-gateway"): Promise<string> {
    const response = await fetch(`${this.url}/token`, {
      method: "POST",
      headers: { authorization: `Basic ${Buffer.from(`${client}:${SECRET}`).toString("base64")}` },
      body: new URLSearchParams({
        grant_type: "client_credentials",
        resource: `urn:test:${audience}`,
      }),
      signal: AbortSignal.timeout(60_000),
    });
    const answer = (await response.json()) as { access_token?: string };
    if (answer.access_token === undefined) {
      throw new Error(`token: expected one, got ${JSON.stringify(answer)}`);
    }
    return answer.access_token;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Storage of the issuer; the library's own in-memory adapter logs a warning. */
class Adapter {
  readonly #stored = new Map<string, unknown>();

  upsert(id: string, payload: unknown): Promise<void> {
    this.#stored.set(id, payload);
    return Promise.resolve();
  }

  find(id: string): Promise<unknown> {
    return Promise.resolve(this.#stored.get(id));
  }
}

function toConfiguration(key: JWK, clients: Clients): object {
  return {
    adapter: Adapter,
    ttl: { ClientCredentials: 600 },
    jwks: { keys: [key] },
    clients: Object.keys(clients).map((id) => ({
      client_id: id,
      client_secret: SECRET,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      ...(key.alg !== undefined && { id_token_signed_response_alg: key.alg }),
    })),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context: unknown, resource: string) => ({
          scope: "",
          audience: resource.replace("urn:test:", ""),
          accessTokenTTL: 600,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: key.alg } },
        }),
      },
    },
    extraTokenClaims: (_context: unknown, token: { clientId: string }) => ({
      roles: clients[token.clientId],
    }),
  };
}
