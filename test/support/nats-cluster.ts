/** Three real NATS servers on loopback, by the configuration that the component writes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node";
import { toNatsConfig } from "../../components/queue/nats-config.ts";
import {
  createNatsIdentity,
  createRouteIdentity,
  toPublicKey,
} from "../../components/queue/nats-identity.ts";
import { QueueSync } from "../../components/queue/settings.ts";
import { type NatsService, toInboxPrefix } from "../../contract/queue/index.ts";
import { Authority } from "./authority.ts";
import { Balancer } from "./balancer.ts";
import { writeLoginFiles } from "./login-files.ts";
import { NatsServer } from "./nats.ts";
import { findFreePort } from "./network.ts";
import { until } from "./until.ts";

/** Stand-ins for the names of the servers: they are in the certificate for routes. */
const HOSTS = ["a.test", "b.test", "c.test"];

/** One of the servers, and where it says whether it is ready. */
export interface Member {
  server: NatsServer;
  monitorPort: number;
}

export class NatsCluster {
  readonly members: Member[];
  /** The Service: connections go to servers that are ready. */
  readonly balancer: Balancer;
  readonly #identity: Record<string, string>;
  readonly #authority: Authority;
  readonly #folder: string;

  private constructor(parts: {
    members: Member[];
    balancer: Balancer;
    identity: Record<string, string>;
    authority: Authority;
    folder: string;
  }) {
    this.members = parts.members;
    this.balancer = parts.balancer;
    this.#identity = parts.identity;
    this.#authority = parts.authority;
    this.#folder = parts.folder;
  }

  /**
   * Starts the servers.
   *
   * @param strangers numbers of those whose certificate for routes another authority has signed
   */
  static async start(strangers: readonly number[] = []): Promise<NatsCluster> {
    const folder = mkdtempSync(join(tmpdir(), "plonk-nats-cluster-"));
    const identity = await createNatsIdentity("openfaas");
    const authority = new Authority();
    const tls = authority.issue(["127.0.0.1"]);
    const [own, other] = await Promise.all([1, 2].map(() => createRouteIdentity(["localhost"])));
    const toKey = (service: NatsService): string => toPublicKey(identity[`${service}.seed`] ?? "");
    const users = { gateway: toKey("gateway"), "queue-worker": toKey("queue-worker") };
    const text = toNatsConfig({ volumeGiB: 1, sync: QueueSync.Always, users, hosts: HOSTS });
    const routePorts = await Promise.all(HOSTS.map(() => findFreePort()));
    const members = await Promise.all(
      HOSTS.map(async (_, number) => {
        const files = join(folder, String(number));
        writeFiles(`${files}-tls-`, { "tls.crt": tls.cert, "tls.key": tls.key });
        writeFiles(`${files}-routes-`, (strangers.includes(number) ? other : own) ?? {});
        const monitorPort = await findFreePort();
        const place = { number, routePorts, monitorPort, files };
        return { server: await NatsServer.create(toLoopback(text, place)), monitorPort };
      }),
    );
    const balancer = await Balancer.start(
      members.map((member) => ({ port: member.server.port, isReady: () => isReady(member) })),
    );
    return new NatsCluster({ members, balancer, identity, authority, folder });
  }

  /** Waits until so many servers are ready, as the component's readiness probe asks them. */
  async untilReady(count: number): Promise<void> {
    await until(`${count} servers to be ready`, async () => {
      const ready = await Promise.all(this.members.map(isReady));
      return ready.filter(Boolean).length === count;
    });
  }

  /** Environment of a service that uses it. */
  environmentOf(service: NatsService): Record<string, string> {
    const folder = writeLoginFiles(join(this.#folder, service), {
      seed: this.#identity[`${service}.seed`] ?? "",
      ca: this.#authority.certificate,
    });
    const url = `tls://127.0.0.1:${this.balancer.port}`;
    return { nats_url: url, nats_secret_path: folder, queue_replicas: "3" };
  }

  /** Connects as a service does. */
  connect(service: NatsService): Promise<NatsConnection> {
    return connect({
      servers: `127.0.0.1:${this.balancer.port}`,
      authenticator: nkeyAuthenticator(Buffer.from(this.#identity[`${service}.seed`] ?? "")),
      inboxPrefix: toInboxPrefix(service),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
      tls: { ca: this.#authority.certificate, ...{ host: "127.0.0.1" } },
    });
  }

  async destroy(): Promise<void> {
    await this.balancer.stop();
    await Promise.all(this.members.map(({ server }) => server.halt("SIGKILL")));
    await Promise.all(this.members.map(({ server }) => server.destroy()));
    rmSync(this.#folder, { recursive: true });
  }
}

async function isReady({ monitorPort }: Member): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${monitorPort}/healthz`)).ok;
  } catch {
    return false;
  }
}

function writeFiles(prefix: string, files: Record<string, string>): void {
  Object.entries(files).forEach(([name, text]) => writeFileSync(prefix + name, text));
}

interface Place {
  number: number;
  routePorts: readonly number[];
  monitorPort: number;
  /** What the names of its files begin with. */
  files: string;
}

/** The same file for a process of this machine: other places, and ports of its own. */
function toLoopback(text: string, { number, routePorts, monitorPort, files }: Place): string {
  const toRoute = (all: string, host: string, at: number): string =>
    all.replace(`tls://${host}:6222`, `tls://localhost:${routePorts[at]}`);
  return HOSTS.reduce(toRoute, text)
    .replace(/^ *(port|store_dir): .*\n/gm, "")
    .replace(/^http_port: .*$/m, `http: "127.0.0.1:${monitorPort}"`)
    .replace("$POD_NAME", `nats-${number}`)
    .replace("  name: plonk\n", `  name: plonk\n  listen: "127.0.0.1:${routePorts[number]}"\n`)
    .replaceAll("/etc/nats-tls/", `${files}-tls-`)
    .replaceAll("/etc/nats-routes/", `${files}-routes-`);
}
