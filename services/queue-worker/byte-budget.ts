/** Memory for large bodies: those that find no room wait for their turn. */

export class ByteBudget {
  readonly #waiting: { bytes: number; begin: () => void }[] = [];
  readonly #total: number;
  #free: number;

  /** @param total most bytes at once; a body that is larger has all of it for itself */
  constructor(total: number) {
    this.#total = total;
    this.#free = total;
  }

  /** Does something with so many bytes in memory, as soon as there is room. */
  async use<T>(size: number, work: () => Promise<T>): Promise<T> {
    const bytes = Math.min(size, this.#total);
    await new Promise<void>((begin) => {
      this.#waiting.push({ bytes, begin });
      this.#admit();
    });
    try {
      return await work();
    } finally {
      this.#free += bytes;
      this.#admit();
    }
  }

  /** In their order: a large one is not passed over again and again. */
  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.bytes > this.#free) {
        return;
      }
      this.#waiting.shift();
      this.#free -= next.bytes;
      next.begin();
    }
  }
}
