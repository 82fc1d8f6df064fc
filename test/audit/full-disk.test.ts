/** A NATS whose disk was full, as its liveness probe finds it. */
import { expect, test } from "@jest/globals";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { ensureStreams } from "../../services/lib/queue/streams.ts";
import { until } from "../support/until.ts";
import { AuditDisk } from "./disk.ts";
import { AuditNats } from "./nats.ts";

/** More than what is left in pages that are on the disk already. */
const MESSAGE = new Uint8Array(64 * 1024);

/** Whether NATS stores a call within a second. */
async function stores(nats: AuditNats): Promise<boolean> {
  const servers = `127.0.0.1:${nats.port}`;
  const connection = await connect({ servers });
  try {
    const client = jetstream(connection, { timeout: 1000 });
    await client.publish("faas-request.n.f", MESSAGE);
    return true;
  } catch {
    return false;
  } finally {
    await connection.close();
  }
}

test("it is unhealthy until it is started again, and stores nothing before", async () => {
  const disk = await AuditDisk.create();
  const nats = await AuditNats.create(disk);
  try {
    // Without the right to mount a disk none can be full.
    if (!disk.isReal) {
      return;
    }
    const own = await connect({ servers: `127.0.0.1:${nats.port}` });
    await ensureStreams(await jetstreamManager(own));
    await own.close();
    await until("a NATS that stores calls", () => stores(nats));
    expect(await nats.isHealthy()).toBe(true);
    await disk.fill();
    expect(await stores(nats)).toBe(false);
    // What is not stored in time may not have been tried yet.
    await until("it to be unhealthy", async () => !(await nats.isHealthy()));
    await disk.free();
    expect([await stores(nats), await nats.isHealthy()]).toEqual([false, false]);
    await nats.halt("SIGTERM");
    await nats.start();
    await until("a NATS that stores calls again", () => stores(nats));
    expect(await nats.isHealthy()).toBe(true);
  } finally {
    await nats.halt("SIGKILL");
    await disk.remove();
  }
}, 300_000);
