/** Functions whose calls die, and the letters about them. */
import type { RequestListener } from "node:http";
import type { DeadLetterSummary } from "../../contract/index.ts";
import { STREAM } from "../../contract/queue/index.ts";
import { type Asked, QueuedWorld } from "./queued-world.ts";

/** The path of dead letters. */
const LETTERS = "/async/dead-letters";

const FUNCTIONS = ["f", "g", "private"];

interface SeenCall {
  url: string;
  body: string;
  headers: Record<string, unknown>;
}

const fail: RequestListener = (_request, response) => {
  response.writeHead(500).end("no such luck");
};

export const succeed: RequestListener = (_request, response) => {
  response.end("ok");
};

export class LetterWorld {
  readonly world: QueuedWorld;
  /** Answers the calls of all functions. @default 500 */
  answer: RequestListener = fail;
  /** Calls that they got. */
  seen: SeenCall[] = [];

  private constructor(world: QueuedWorld) {
    this.world = world;
  }

  /** Starts all but workers, with the functions `f`, `g` and `private`. */
  static async create(env: Record<string, string> = {}): Promise<LetterWorld> {
    const letters = new LetterWorld(await QueuedWorld.create(env));
    await letters.#serve();
    return letters;
  }

  close(): Promise<void> {
    return this.world.close();
  }

  /** Forgets what a test has left. */
  async reset(): Promise<void> {
    await this.world.stopWorkers();
    const manager = await this.world.manager();
    await manager.streams.purge(STREAM.dead);
    await manager.streams.purge(STREAM.calls);
    this.answer = fail;
    this.seen = [];
  }

  /** Asks for dead letters; the path is what follows theirs. */
  ask<T = unknown>(path = "", method = "GET", user = "boss"): Promise<Asked<T>> {
    return this.world.ask<T>(`${LETTERS}${path}`, { method, user });
  }

  async list(query = ""): Promise<DeadLetterSummary[]> {
    const { status, body } = await this.ask<DeadLetterSummary[]>(`?${query}`);
    if (status !== 200) {
      throw new Error(`list: expected 200, got ${status}`);
    }
    return body;
  }

  /** Queues calls that die, one after the other; resolves with their ids. */
  async bury(
    paths: string[],
    call: { headers?: Record<string, string>; body?: string } = {},
  ): Promise<string[]> {
    const ids = [];
    for (const path of paths) {
      const id = await this.world.enqueue(path, call);
      this.world.startWorker({ max_attempts: "1" });
      await this.world.untilState(id, "dead");
      await this.world.stopWorkers();
      ids.push(id);
    }
    return ids;
  }

  /** The number of a call's letter. */
  async sequenceOf(id: string): Promise<number> {
    const letter = (await this.list("limit=1000")).find((each) => each.id === id);
    return letter?.sequence ?? 0;
  }

  async #serve(): Promise<void> {
    const { gateway } = this.world;
    const port = await gateway.pod((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        this.seen.push({ url: request.url ?? "", body, headers: request.headers });
        this.answer(request, response);
      });
    });
    for (const name of FUNCTIONS) {
      const isPrivate = name === "private";
      gateway.declare(name, isPrivate ? { annotations: { "plonk/private": "true" } } : {});
      gateway.route(name, [port]);
    }
    await gateway.settle();
  }
}
