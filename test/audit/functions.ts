/** The functions of an audit: they log what they do, and do it well, mostly. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { listen } from "../../services/lib/servers.ts";
import { stopServer } from "../support/network.ts";
import type { Run, RunEnd } from "./evidence.ts";
import { chanceOf } from "./random.ts";

/** Names of the functions: each has a lane of its own. */
export const AUDITED = ["audit-a", "audit-b", "audit-c", "audit-d"] as const;

/** Headers of a call: its number, and the bytes of its body. */
export const AUDIT_HEADER = {
  number: "x-audit-number",
  bytes: "x-audit-bytes",
  /** There where its runs take their time: it is to be cancelled meanwhile. */
  slow: "x-audit-slow",
} as const;

/** By which gateways, and so functions, know a worker: each has an address of its own. */
export function toWorkerAddress(worker: number): string {
  return `127.0.0.${worker + 2}`;
}

/** The worker that has made a call; undefined where its address is none of theirs. */
function toWorker(request: IncomingMessage): number | undefined {
  const [, last] =
    /127\.0\.0\.(\d+)(?::\d+)?$/.exec(String(request.headers["x-forwarded-for"])) ?? [];
  const worker = Number(last) - 2;
  return worker >= 0 ? worker : undefined;
}

/** Path of callbacks. */
const CALLBACK = "/callback";

/** What a run does; `poison` fails each time. */
type Behaviour = "well" | "slow" | "failed" | "busy" | "away" | "broken";

/** After so many runs a call goes well, unless it is poison. */
const BAD_RUNS = 3;

export class AuditedFunctions {
  readonly runs: Run[] = [];
  /** Ids of calls whose callbacks have been taken. */
  readonly calledBack = new Set<string>();
  port = 0;
  readonly #seed: number;
  readonly #server: Server;
  readonly #runsOf = new Map<number, number>();
  /** Callbacks that have come once; some are refused then. */
  readonly #announced = new Set<string>();

  private constructor(seed: number) {
    this.#seed = seed;
    const answer: RequestListener = (request, response) => {
      const work = request.url === CALLBACK ? this.#takeCallback : this.#run;
      work.call(this, request, response).catch(() => response.destroy());
    };
    this.#server = createServer(answer);
    // Longer than the gateway keeps its connections, as the watchdog's server does.
    this.#server.keepAliveTimeout = 65_000;
  }

  static async start(seed: number): Promise<AuditedFunctions> {
    const functions = new AuditedFunctions(seed);
    functions.port = await listen(functions.#server, 0, "127.0.0.1");
    return functions;
  }

  get callbackUrl(): string {
    return `http://127.0.0.1:${this.port}${CALLBACK}`;
  }

  async stop(): Promise<void> {
    await stopServer(this.#server);
  }

  async #run(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = Date.now();
    const number = Number(request.headers[AUDIT_HEADER.number]);
    const id = String(request.headers["x-call-id"]);
    const worker = toWorker(request);
    const run: Run = {
      ...{ number, id, startedAt, isDamaged: false },
      ...(worker !== undefined && { worker }),
    };
    this.runs.push(run);
    const end = (how: RunEnd): void => {
      run.endedAt ??= Date.now();
      run.end ??= how;
    };
    response.on("close", () => end("cut"));
    const body = await buffer(request);
    const bytes = Number(request.headers[AUDIT_HEADER.bytes]);
    run.isDamaged = body.length !== bytes || !body.toString().startsWith(`${number} `);
    const isSlow = request.headers[AUDIT_HEADER.slow] !== undefined;
    const behaviour = isSlow ? "slow" : this.#choose(number);
    if (behaviour === "slow") {
      await sleep(1000 + 1500 * chanceOf(this.#seed, number, 99));
    }
    finish(response, behaviour, end);
  }

  #choose(number: number): Behaviour {
    const before = this.#runsOf.get(number) ?? 0;
    this.#runsOf.set(number, before + 1);
    if (chanceOf(this.#seed, number, 1) < 0.005) {
      return "failed";
    }
    const chance = before < BAD_RUNS ? chanceOf(this.#seed, number, 10 + before) : 1;
    const limits = { failed: 0.02, busy: 0.03, away: 0.04, slow: 0.055, broken: 0.065 } as const;
    const found = Object.entries(limits).find(([, limit]) => chance < limit);
    return (found?.[0] as Behaviour | undefined) ?? "well";
  }

  async #takeCallback(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await buffer(request);
    const id = String(request.headers["x-call-id"]);
    const isNew = !this.#announced.has(id);
    this.#announced.add(id);
    if (isNew && Number.parseInt(id) % 20 === 0) {
      response.writeHead(503).end();
    } else {
      this.calledBack.add(id);
      response.writeHead(200).end();
    }
  }
}

function finish(response: ServerResponse, behaviour: Behaviour, end: (how: RunEnd) => void): void {
  if (response.destroyed) {
    return;
  }
  if (behaviour === "broken") {
    end("broken");
    response.destroy();
  } else if (behaviour === "failed") {
    end("failed");
    response.writeHead(500).end();
  } else if (behaviour === "busy" || behaviour === "away") {
    end("busy");
    response.writeHead(behaviour === "busy" ? 429 : 503, { "retry-after": "1" }).end();
  } else {
    end("done");
    response.end("done");
  }
}
