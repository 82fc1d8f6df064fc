/** A real NATS server with the configuration, the keys and the rights of the platform's own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node";
import { toNatsConfig } from "../../components/queue/nats-config.ts";
import { createNatsIdentity, toPublicKey } from "../../components/queue/nats-identity.ts";
import { QueueSync } from "../../components/queue/settings.ts";
import { type NatsService, toInboxPrefix } from "../../contract/queue/index.ts";
import type { ServerIdentity } from "./authority.ts";
import { NatsServer } from "./nats.ts";

/** The namespace that its certificate names. */
const NAMESPACE = "openfaas";

export class OwnNats {
  readonly server: NatsServer;
  /** Contents by the names of their files: what its Secret has. */
  readonly identity: Record<string, string>;
  readonly #folder: string;

  private constructor(server: NatsServer, identity: Record<string, string>, folder: string) {
    this.server = server;
    this.identity = identity;
    this.#folder = folder;
  }

  /**
   * Starts a server.
   *
   * @param tls in the place of its own certificate, which is good for names of the cluster only
   * @param sync when its disk has a message that it took
   * @param env more of its environment
   */
  static async start(
    tls?: ServerIdentity,
    sync: QueueSync = QueueSync.Always,
    env: Record<string, string> = {},
  ): Promise<OwnNats> {
    const identity = await createNatsIdentity(NAMESPACE);
    const folder = mkdtempSync(join(tmpdir(), "plonk-own-nats-"));
    writeFileSync(join(folder, "tls.crt"), tls?.cert ?? identity["tls.crt"] ?? "");
    writeFileSync(join(folder, "tls.key"), tls?.key ?? identity["tls.key"] ?? "");
    const toKey = (service: NatsService): string => toPublicKey(identity[`${service}.seed`] ?? "");
    const users = { gateway: toKey("gateway"), "queue-worker": toKey("queue-worker") };
    const config = toNatsConfig({ volumeGiB: 1, sync, users })
      // The server is told the port and its store when it is started.
      .replace(/^ *(port|http_port|store_dir): .*\n/gm, "")
      .replace("$POD_NAME", "nats-0")
      .replaceAll("/etc/nats-tls", folder);
    return new OwnNats(await NatsServer.create(config, env), identity, folder);
  }

  /** Connects as a service does, by its name in the cluster. */
  connect(service: NatsService, inboxPrefix = toInboxPrefix(service)): Promise<NatsConnection> {
    const seed = Buffer.from(this.identity[`${service}.seed`] ?? "");
    return connect({
      servers: `127.0.0.1:${this.server.port}`,
      authenticator: nkeyAuthenticator(seed),
      inboxPrefix,
      reconnect: false,
      tls: this.trust(),
    });
  }

  /** For a connection with TLS: whom to believe, and under which name. */
  trust(): { ca: string; host: string } {
    return { ca: this.identity["ca.crt"] ?? "", host: `nats.${NAMESPACE}` };
  }

  /** Stops it and deletes its files. */
  async destroy(): Promise<void> {
    await this.server.destroy();
    rmSync(this.#folder, { recursive: true });
  }
}
