/** Configuration of nats-server. */
import { PORT, QUEUE } from "../../contract/index.ts";
import { NATS_PERMISSIONS, type NatsService } from "../../contract/queue/index.ts";
import { toGoMemoryLimit } from "../kubernetes/pods.ts";
import { QueueSync } from "./settings.ts";

/** Where the volume of queued calls is mounted. */
export const NATS_DATA = "/data";

/** Where the server's certificate and its key are mounted. */
export const NATS_TLS = "/etc/nats-tls";

/** Where the files are by which the servers of a cluster know each other. */
export const NATS_ROUTES = "/etc/nats-routes";

/** Room for the headers that travel beside the largest queued message, bytes. */
const HEADER_BYTES = 64 * 1024;

/** Room for what may be lost when the server ends: states of calls, MiB. */
const MEMORY_STORE_MIB = 16;

/**
 * Longest handshake. By default it is 2 s, which a small board does not keep while all starts, and
 * whose clients then try again and keep it busy.
 */
const HANDSHAKE_SECONDS = 10;

const SYNC_INTERVALS: Record<QueueSync, string> = {
  [QueueSync.Always]: "always",
  [QueueSync.Interval]: "2m",
};

/**
 * NATS reads messages by blocks of 4 MiB, each for the function whose turn it is: where many have
 * long queues, a great deal is read before what was read before is collected.
 */
export function toNatsMemoryLimit(limitMiB: number): string {
  return toGoMemoryLimit(limitMiB, 0.5);
}

/** What the file says. */
export interface NatsConfigArgs {
  /** Size of the data volume; JetStream takes nine tenths of it. */
  volumeGiB: number;
  sync: QueueSync;
  /** Public keys of the users: who has none of these is refused. */
  users: Readonly<Record<NatsService, string>>;
  /** Hosts of all servers of a cluster, this one among them; none: it is the only one. */
  hosts?: readonly string[];
}

/**
 * `nats.conf`. The pid file and everything else that is written go to the data volume, as the
 * root file system is read-only. Monitoring has no TLS, as the kubelet asks it.
 */
export function toNatsConfig({ volumeGiB, sync, users, hosts = [] }: NatsConfigArgs): string {
  const storeMiB = Math.floor(volumeGiB * 1024 * 0.9);
  return [
    `port: ${PORT.nats}`,
    `http_port: ${PORT.natsMonitor}`,
    `server_name: $POD_NAME`,
    `max_payload: ${QUEUE.maxMessageBytes + HEADER_BYTES}`,
    `tls {`,
    `  cert_file: "${NATS_TLS}/tls.crt"`,
    `  key_file: "${NATS_TLS}/tls.key"`,
    `  min_version: "1.3"`,
    `  timeout: ${HANDSHAKE_SECONDS}`,
    `}`,
    `jetstream {`,
    `  store_dir: "${NATS_DATA}"`,
    `  sync_interval: ${SYNC_INTERVALS[sync]}`,
    `  max_memory_store: ${MEMORY_STORE_MIB}MiB`,
    `  max_file_store: ${storeMiB}MiB`,
    `}`,
    ...(hosts.length > 0 ? toCluster(hosts) : []),
    `authorization {`,
    `  users: [`,
    ...Object.entries(users).flatMap(([service, key]) => toUser(service as NatsService, key)),
    `  ]`,
    `}`,
    ``,
  ].join("\n");
}

/**
 * What makes servers one cluster: each has to show that the authority of this cluster has signed
 * its certificate. Clients are told of no other address than the Service that they have.
 */
function toCluster(hosts: readonly string[]): string[] {
  return [
    `cluster {`,
    `  name: plonk`,
    `  port: ${PORT.natsCluster}`,
    `  no_advertise: true`,
    `  tls {`,
    `    cert_file: "${NATS_ROUTES}/tls.crt"`,
    `    key_file: "${NATS_ROUTES}/tls.key"`,
    `    ca_file: "${NATS_ROUTES}/ca.crt"`,
    `    verify: true`,
    `    min_version: "1.3"`,
    `    timeout: ${HANDSHAKE_SECONDS}`,
    `  }`,
    `  routes: [`,
    ...hosts.map((host) => `    "tls://${host}:${PORT.natsCluster}"`),
    `  ]`,
    `}`,
  ];
}

/** A user who proves to have the seed of a key, and what it may do. */
function toUser(service: NatsService, publicKey: string): string[] {
  const { publish, subscribe } = NATS_PERMISSIONS[service];
  return [
    `    # ${service}`,
    `    {`,
    `      nkey: ${publicKey}`,
    `      permissions: {`,
    `        publish: { allow: ${JSON.stringify(publish)} }`,
    `        subscribe: { allow: ${JSON.stringify(subscribe)} }`,
    `      }`,
    `    }`,
  ];
}
