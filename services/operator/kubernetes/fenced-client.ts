/** A client by which an instance writes while it leads, and not a moment longer. */
import type { Readable } from "node:stream";
import { KubernetesClient, type KubernetesRequest } from "../../lib/kubernetes.ts";
import type { Leadership } from "./leader-election.ts";

/**
 * Refuses to write while this instance does not lead, and cuts what it is writing when it loses the
 * lead: another one may begin then. What the API server has taken already may still be stored, so
 * that whoever leads has to put right what comes after its own writes.
 */
export class FencedClient extends KubernetesClient {
  readonly #leadership: Pick<Leadership, "assertLeading" | "term">;

  /** @param client - whose connections it uses */
  constructor(client: KubernetesClient, leadership: Pick<Leadership, "assertLeading" | "term">) {
    super(client);
    this.#leadership = leadership;
  }

  override async request<T>(path: string, options: KubernetesRequest = {}): Promise<T> {
    return super.request<T>(path, this.#fence(options));
  }

  override async stream(
    path: string,
    options: KubernetesRequest & { silenceMs?: number } = {},
  ): Promise<Readable> {
    return super.stream(path, this.#fence(options));
  }

  #fence<T extends KubernetesRequest>(options: T): T {
    const { method = "GET", signal } = options;
    if (method === "GET") {
      return options;
    }
    this.#leadership.assertLeading();
    const { term } = this.#leadership;
    return { ...options, signal: signal === undefined ? term : AbortSignal.any([term, signal]) };
  }
}
