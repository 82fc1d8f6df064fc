/** Node's inspector of another process: what its heap holds, and where its time goes. */
import { writeFile } from "node:fs/promises";

interface Answer {
  id?: number;
  result?: unknown;
  error?: { message: string };
}

export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const { id, result, error } = JSON.parse(String(data)) as Answer;
      const waiting = this.#waiting.get(id ?? 0);
      this.#waiting.delete(id ?? 0);
      if (error === undefined) {
        waiting?.resolve(result);
      } else {
        waiting?.reject(new Error(`inspector: ${error.message}`));
      }
    });
  }

  static async connect(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", () => reject(new Error(`inspector: no answer at ${url}`)));
    });
    return new Inspector(socket);
  }

  /** Bytes in use after a collection of all garbage. */
  async readHeap(): Promise<number> {
    await this.#ask("HeapProfiler.collectGarbage");
    const { usedSize } = (await this.#ask("Runtime.getHeapUsage")) as { usedSize: number };
    return usedSize;
  }

  async startProfile(): Promise<void> {
    await this.#ask("Profiler.enable");
    await this.#ask("Profiler.start");
  }

  /** Ends the profile and writes it, for the developer tools of a browser. */
  async writeProfile(file: string): Promise<void> {
    const { profile } = (await this.#ask("Profiler.stop")) as { profile: object };
    await writeFile(file, JSON.stringify(profile));
  }

  close(): void {
    this.#socket.close();
  }

  #ask(method: string): Promise<unknown> {
    const waiting = Promise.withResolvers<unknown>();
    this.#last += 1;
    this.#waiting.set(this.#last, waiting);
    this.#socket.send(JSON.stringify({ id: this.#last, method }));
    return waiting.promise;
  }
}
