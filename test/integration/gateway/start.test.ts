/** A gateway that cannot work does not start, and says in one line why. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createGateway } from "../../../services/gateway/app.ts";
import { readConfig } from "../../../services/gateway/config.ts";
import { listen } from "../../../services/lib/servers.ts";
import { FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { GatewayProcess } from "../../support/gateway-process.ts";
import { createKeptLog } from "../../support/logs.ts";
import { stopServer } from "../../support/network.ts";

const folder = mkdtempSync(join(tmpdir(), "plonk-start-"));
const fake = new FakeKubernetes();

beforeAll(async () => {
  await (await fake.start()).close();
  writeFileSync(join(folder, "basic-auth-user"), "admin");
  writeFileSync(join(folder, "basic-auth-password"), "canary");
  writeFileSync(
    join(folder, "users.yaml"),
    "users: [{ name: canary, passwordHash: canary, role: admin }]",
  );
});

afterAll(async () => {
  await fake.stop();
  rmSync(folder, { recursive: true });
});

/** What a gateway wrote that ended at once. */
async function start(env: Record<string, string>): Promise<string> {
  const gateway = await GatewayProcess.start(fake, { env }).catch((error: unknown) => error);
  if (gateway instanceof GatewayProcess) {
    await gateway.stop();
    throw new Error("expected no gateway, got one");
  }
  return (gateway as Error).message;
}

const USERS = { basic_auth: "true", secret_mount_path: folder };

test.each<[string, Record<string, string>, string]>([
  [
    "of variables that are wrong",
    { upstream_timeout: "soon", max_inflight: "-1" },
    'upstream_timeout: expected a duration such as 1m5s or whole seconds, got "soon"\nmax_inflight: expected >= 0, got "-1"',
  ],
  [
    "of users that are wrong, and shows none of them",
    USERS,
    "users.yaml: users[0].passwordHash: expected $scrypt$ln=14,r=8,p=5$<salt>$<hash>",
  ],
  [
    "of a key that there is not",
    { queue_secret_path: folder },
    "queue_secret_path: expected a file current in the folder, got none",
  ],
])("because %s", async (_what, env, reason) => {
  const message = await start(env);
  expect(message).toBe(`gateway: ended at once: gateway: ${reason}\n`);
  expect(message).not.toContain("canary");
});

test("a gateway is ready when its port is open, and not before", async () => {
  const own = new FakeKubernetes();
  const client = await own.start();
  const { logger } = createKeptLog();
  const gateway = await createGateway({ config: readConfig({}), client, logger });
  const { server, metricsServer } = gateway;
  const url = `http://127.0.0.1:${await listen(metricsServer, 0, "127.0.0.1")}/readyz`;
  const ask = async (): Promise<[number, string]> => {
    const answer = await fetch(url);
    return [answer.status, await answer.text()];
  };
  try {
    await gateway.start();
    expect(await ask()).toEqual([503, "port: not listening yet"]);
    await listen(server, 0, "127.0.0.1");
    expect(await ask()).toEqual([200, "OK"]);
  } finally {
    await Promise.all([server, metricsServer].filter((each) => each.listening).map(stopServer));
    await gateway.close();
    await own.stop();
  }
});
