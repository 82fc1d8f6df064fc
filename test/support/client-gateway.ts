/** A gateway for OpenFaaS' own clients, with a login, a queue, and a function that echoes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { echo, TestGateway } from "./gateway.ts";
import { NatsServer } from "./nats.ts";
import { until } from "./until.ts";

/** For the compiler, where nothing has been built yet. */
export const BUILD_MS = 600_000;

/** Starts it, and waits until its queue takes calls. @param atEnd what ends its parts */
export async function startClientGateway(
  { user, password }: { user: string; password: string },
  atEnd: (clean: () => unknown) => void,
): Promise<TestGateway> {
  const secrets = mkdtempSync(join(tmpdir(), "plonk-clients-"));
  atEnd(() => rmSync(secrets, { recursive: true }));
  writeFileSync(join(secrets, "basic-auth-user"), user);
  writeFileSync(join(secrets, "basic-auth-password"), password);
  const nats = await NatsServer.create();
  atEnd(() => nats.destroy());
  const gateway = await TestGateway.start({
    basic_auth: "true",
    secret_mount_path: secrets,
    faas_nats_address: "127.0.0.1",
    faas_nats_port: String(nats.port),
  });
  atEnd(() => gateway.stop());
  await gateway.serve("echo", echo);
  await until("the queue", async () => {
    const answer = await fetch(`${gateway.url}/async-function/echo`, { method: "POST" });
    await answer.body?.cancel();
    return answer.status === 202;
  });
  return gateway;
}
