/** Collects a body or an output that is needed whole. */

/** A piece takes 250 to 400 bytes beside its own, so that many small ones are joined. */
const MANY = 1024;
const SMALL_BYTES = 1024;

/** What comes, in pieces; undefined where that is more than `limit` bytes, and the rest is left. */
export async function collect(
  source: AsyncIterable<Buffer>,
  limit: number,
): Promise<Buffer[] | undefined> {
  const joined: Buffer[] = [];
  let pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of source) {
    size += piece.length;
    if (size > limit) {
      return undefined;
    }
    pieces.push(piece);
    if (pieces.length === MANY) {
      joined.push(...join(pieces));
      pieces = [];
    }
  }
  return [...joined, ...pieces];
}

function join(pieces: Buffer[]): Buffer[] {
  return sizeOf(pieces) > MANY * SMALL_BYTES ? pieces : [Buffer.concat(pieces)];
}

/** How many bytes these are. */
export function sizeOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((size, piece) => size + piece.length, 0);
}
