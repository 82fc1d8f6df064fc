/** Text of a connection up to a delimiter, which may come in several pieces. */

/** Up to this length, searching a string is faster than searching a buffer. */
const SHORT_BYTES = 2048;

/** At most one text is kept: the one that is not complete yet, or has just become so. */
export class DelimitedText {
  /** What has been taken, the delimiter included. */
  text = "";

  clear(): void {
    this.text = "";
  }

  /** Takes the bytes up to a delimiter; returns its end, or undefined if it has not arrived. */
  take(bytes: Buffer, offset: number, delimiter: string): number | undefined {
    if (this.text !== "") {
      return this.#takeMore(bytes, offset, delimiter);
    }
    if (bytes.length - offset <= SHORT_BYTES) {
      const text = bytes.toString("latin1", offset, bytes.length);
      const found = text.indexOf(delimiter);
      const length = found === -1 ? text.length : found + delimiter.length;
      this.text = length === text.length ? text : text.slice(0, length);
      return found === -1 ? undefined : offset + length;
    }
    const found = bytes.indexOf(delimiter, offset, "latin1");
    const end = found === -1 ? undefined : found + delimiter.length;
    this.text = bytes.toString("latin1", offset, end ?? bytes.length);
    return end;
  }

  /** The delimiter may have begun in the bytes before. */
  #takeMore(bytes: Buffer, offset: number, delimiter: string): number | undefined {
    const before = this.text.slice(1 - delimiter.length);
    const text = before + bytes.toString("latin1", offset, bytes.length);
    const found = text.indexOf(delimiter);
    const length = found === -1 ? text.length : found + delimiter.length;
    this.text += text.slice(before.length, length);
    return found === -1 ? undefined : offset + length - before.length;
  }
}
