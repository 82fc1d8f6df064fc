/** Starts the process that the gateway and the queue-worker are compared with. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { NatsService } from "../../contract/queue/index.ts";
import type { RawResult, RawTask } from "./raw-client.ts";
import type { World } from "./world.ts";

const MAIN = join(import.meta.dirname, "raw-client.ts");

export interface RawClient {
  pid: number;
  /** Does it; rejects when the process ends instead. */
  run(task: RawTask): Promise<RawResult>;
}

/** Starts one with the rights of a service; it ends with the world. */
export async function startRaw(world: World, service: NatsService): Promise<RawClient> {
  const child = fork(MAIN, {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    env: {
      PATH: process.env["PATH"],
      ...world.natsEnv(service),
      client: `plonk-${service}`,
    },
  });
  const ended = once(child, "exit").then(() => {
    throw new Error("raw client: expected an answer, it has ended");
  });
  ended.catch(() => undefined);
  world.onEnd(async () => {
    child.kill();
    await ended.catch(() => undefined);
  });
  const answer = async (): Promise<unknown> => {
    const [message] = (await Promise.race([once(child, "message"), ended])) as unknown[];
    return message;
  };
  await answer();
  return {
    pid: child.pid ?? 0,
    run: async (task) => {
      const result = answer();
      child.send(task);
      return (await result) as RawResult;
    },
  };
}
