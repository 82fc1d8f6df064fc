/** A Kubernetes client that tells a test what its watches have read. */
import { KubernetesClient } from "../../services/lib/kubernetes.ts";

type Options<Method extends "request" | "stream"> = Parameters<KubernetesClient[Method]>[1];

/** Prefix in the bookmarks that tell a test how far a watch has read. */
export const MARK = "test-mark-";
const MARKS = new RegExp(`${MARK}(\\d+)"`, "g");

export class WatchingClient extends KubernetesClient {
  /** The last mark that a watch has read, by the signal that ends it; 0 while it has no stream. */
  readonly #marks = new Map<AbortSignal, number>();

  /** Whether all watches but failing ones have worked on what was sent before this mark. */
  hasRead(mark: number): boolean {
    return [...this.#marks].every(([signal, read]) => signal.aborted || read >= mark);
  }

  override async request<T>(path: string, options: Options<"request"> = {}): Promise<T> {
    const { signal, query = {} } = options;
    // Watches alone list page by page.
    if (signal === undefined || query["limit"] === undefined) {
      return super.request<T>(path, options);
    }
    return this.#track(signal, () => super.request<T>(path, options));
  }

  override async stream(
    path: string,
    options: Options<"stream"> = {},
  ): ReturnType<KubernetesClient["stream"]> {
    const { signal } = options;
    if (signal === undefined || options.query?.["watch"] !== true) {
      return super.stream(path, options);
    }
    const body = await this.#track(signal, () => super.stream(path, options));
    const chunks = body.iterator();
    body[Symbol.asyncIterator] = () => this.#follow(signal, chunks);
    return body;
  }

  async #track<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    this.#marks.set(signal, 0);
    try {
      return await work();
    } catch (error) {
      this.#marks.delete(signal);
      throw error;
    }
  }

  /** Yields the chunks; a request for the next one means that the last one has been processed. */
  async *#follow(signal: AbortSignal, chunks: AsyncIterable<Buffer>): NodeJS.AsyncIterator<Buffer> {
    let rest = "";
    try {
      for await (const chunk of chunks) {
        yield chunk;
        const text = `${rest}${chunk.toString("latin1")}`;
        for (const [, mark] of text.matchAll(MARKS)) {
          this.#marks.set(signal, Number(mark));
        }
        rest = text.slice(-MARK.length - 10);
      }
    } finally {
      this.#marks.set(signal, 0);
    }
  }
}
