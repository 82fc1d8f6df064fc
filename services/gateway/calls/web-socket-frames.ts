/** As much of WebSocket's framing (RFC 6455 §5.2) as it takes to end a connection in its words. */

/** Follows the frames of one direction, to know when something may be put between two of them. */
export class FrameTracker {
  #payloadLeft = 0;
  #header: number[] = [];

  /** Whether the last byte was also the last one of a frame. */
  get isBetweenFrames(): boolean {
    return this.#payloadLeft === 0 && this.#header.length === 0;
  }

  /** Takes note of bytes that have passed. */
  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#payloadLeft > 0) {
        const step = Math.min(this.#payloadLeft, chunk.length - offset);
        this.#payloadLeft -= step;
        offset += step;
      } else {
        this.#header.push(chunk[offset] ?? 0);
        offset += 1;
        this.#readHeader();
      }
    }
  }

  #readHeader(): void {
    const [, second, ...rest] = this.#header;
    if (second === undefined) {
      return;
    }
    const short = second & 0x7f;
    const extraBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const maskBytes = (second & 0x80) === 0 ? 0 : 4;
    if (rest.length === extraBytes + maskBytes) {
      const extra = rest.slice(0, extraBytes);
      const length = extra.reduce((sum, byte) => sum * 256 + byte, 0);
      this.#payloadLeft = extraBytes === 0 ? short : length;
      this.#header = [];
    }
  }
}

/** A server's close frame with the code 1001, going away. */
export const GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9]);
