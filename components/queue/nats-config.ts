/** Configuration file of nats-server. */
import { PORT, QUEUE } from "../../contract/index.ts";

/** Where the volume of queued calls is mounted. */
export const NATS_DATA = "/data";

/** Room for the headers that travel beside the largest queued message, bytes. */
const HEADER_BYTES = 64 * 1024;

/**
 * `nats.conf`. The pid file and everything else that is written go to the data volume, as the
 * root file system is read-only.
 *
 * @param volumeGiB size of the data volume; JetStream takes nine tenths of it
 */
export function toNatsConfig(volumeGiB: number): string {
  const storeMiB = Math.floor(volumeGiB * 1024 * 0.9);
  return [
    `port: ${PORT.nats}`,
    `http_port: ${PORT.natsMonitor}`,
    `server_name: $POD_NAME`,
    `max_payload: ${QUEUE.maxMessageBytes + HEADER_BYTES}`,
    `jetstream {`,
    `  store_dir: "${NATS_DATA}"`,
    `  max_memory_store: 0`,
    `  max_file_store: ${storeMiB}MiB`,
    `}`,
    ``,
  ].join("\n");
}
