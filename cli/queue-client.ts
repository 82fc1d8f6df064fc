/** What `plonk queue` asks of a gateway. */
import type {
  AsyncCall,
  DeadLetterDetail,
  DeadLetterSummary,
  PurgeResult,
  RedrivenLetter,
  RedriveResult,
} from "../contract/index.ts";
import type { GatewayLogin } from "./openfaas-login.ts";
import { CommandError } from "./process.ts";

/** Longest wait for an answer, milliseconds: a purge takes seconds. */
const TIMEOUT_MS = 60_000;

/** Most elements of one page. */
const PAGE = 1000;

/** Calls or letters of one function, or of a namespace. */
export interface QueueFilter {
  function?: string | undefined;
  namespace?: string | undefined;
  state?: string | undefined;
}

export class QueueClient {
  readonly #login: GatewayLogin;

  constructor(login: GatewayLogin) {
    this.#login = login;
  }

  /** Calls, the oldest first. */
  calls(filter: QueueFilter, limit: number): Promise<AsyncCall[]> {
    return this.#readPages("/async/calls", filter, limit);
  }

  /** Dead letters, the newest first. */
  letters(filter: QueueFilter, limit: number): Promise<DeadLetterSummary[]> {
    return this.#readPages("/async/dead-letters", filter, limit);
  }

  async call(id: string): Promise<AsyncCall> {
    return this.#json("GET", `/async/calls/${encodeURIComponent(id)}`);
  }

  /** The kept answer of a call, whatever its function's status was. */
  async result(id: string): Promise<{ status: number; body: Buffer; isTruncated: boolean }> {
    const path = `/async/calls/${encodeURIComponent(id)}/result`;
    const response = await this.#fetch("GET", path);
    if (!response.headers.has("x-function-status")) {
      if (!response.ok) {
        throw await this.#toError(response);
      }
      const { state } = (await response.json()) as AsyncCall;
      throw new CommandError(`call ${id}: it is ${state}, and has no result yet`);
    }
    return {
      status: response.status,
      body: Buffer.from(await response.arrayBuffer()),
      isTruncated: response.headers.has("x-plonk-truncated"),
    };
  }

  async letter(sequence: string): Promise<DeadLetterDetail> {
    return this.#json("GET", `/async/dead-letters/${sequence}`);
  }

  async cancel(id: string): Promise<AsyncCall> {
    return this.#json("DELETE", `/async/calls/${encodeURIComponent(id)}`);
  }

  async redrive(sequence: string): Promise<RedrivenLetter> {
    return this.#json("POST", `/async/dead-letters/${sequence}/redrive`);
  }

  async remove(sequence: string): Promise<void> {
    await this.#send("DELETE", `/async/dead-letters/${sequence}`);
  }

  /** All that are there now: one that dies again meanwhile stays. */
  async redriveAll(filter: QueueFilter): Promise<RedriveResult> {
    const total = { redriven: 0, refused: 0 };
    const before = await this.#end(filter);
    for (let after: number | undefined = 0; after !== undefined;) {
      const query = toQuery({ ...filter, before, after, limit: PAGE });
      const path = `/async/dead-letters/redrive${query}`;
      const result: RedriveResult = await this.#json("POST", path);
      total.redriven += result.redriven;
      total.refused += result.refused;
      after = result.next;
    }
    return total;
  }

  /** Deletes all that are there now. */
  async purge(filter: QueueFilter): Promise<PurgeResult> {
    const before = await this.#end(filter);
    const path = `/async/dead-letters${toQuery({ ...filter, before })}`;
    let deleted = 0;
    for (let isComplete = false; !isComplete;) {
      const result: PurgeResult = await this.#json("DELETE", path);
      deleted += result.deleted;
      ({ isComplete } = result);
    }
    return { deleted, isComplete: true };
  }

  /** A number before which all letters are that are there now. */
  async #end(filter: QueueFilter): Promise<number> {
    const [newest] = await this.letters(filter, 1);
    return (newest?.sequence ?? 0) + 1;
  }

  async #readPages<T>(path: string, filter: QueueFilter, limit: number): Promise<T[]> {
    const found: T[] = [];
    let next: string | undefined = path + toQuery({ ...filter, limit: Math.min(limit, PAGE) });
    while (next !== undefined && found.length < limit) {
      const response = await this.#send("GET", next);
      found.push(...((await response.json()) as T[]));
      next = /^<(\/[^>]*)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
    }
    return found.slice(0, limit);
  }

  async #json<T>(method: string, path: string): Promise<T> {
    return (await (await this.#send(method, path)).json()) as T;
  }

  async #send(method: string, path: string): Promise<Response> {
    const response = await this.#fetch(method, path);
    if (response.ok) {
      return response;
    }
    throw await this.#toError(response);
  }

  #fetch(method: string, path: string): Promise<Response> {
    const { url, authorization } = this.#login;
    return fetch(url + path, {
      method,
      headers: {
        accept: "application/json",
        ...(authorization !== undefined && { authorization }),
      },
      // A gateway's answers lead nowhere else, and credentials are for it alone.
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((error: unknown) => {
      throw new CommandError(`gateway ${url}: not reachable (${reasonOf(error)})`);
    });
  }

  async #toError(response: Response): Promise<CommandError> {
    const { url } = this.#login;
    const reason = await readFailure(response);
    const advice = response.status === 401 ? `; \`faas-cli login --gateway ${url}\` logs in` : "";
    return new CommandError(`gateway ${url}: ${response.status} ${reason}${advice}`);
  }
}

/** The gateway's own words, or what something in front of it says. */
async function readFailure(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === "string" ? message.trim() : response.statusText;
  } catch {
    return text.trim().slice(0, 200) || response.statusText;
  }
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error && cause.message !== "" ? cause.message : message;
}

function toQuery(values: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) {
      query.set(name, String(value));
    }
  }
  return query.size === 0 ? "" : `?${query.toString()}`;
}
