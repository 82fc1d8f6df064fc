/** Property paths as Pulumi writes them: `spec.ports[0].port`, `metadata.labels["a.b/c"]`. */

export type Segment = string | number;

const PLAIN_KEY = /^[A-Za-z_$][\w$]*$/;
const SEGMENT = /\.?([^.[\]"]+)|\[(\d+|\*)\]|\["((?:[^"\\]|\\.)*)"\]/gy;

/** Writes a path. Keys with dots and the like are quoted. */
export function formatPath(path: readonly Segment[]): string {
  return path.map(formatSegment).join("").replace(/^\./, "");
}

function formatSegment(segment: Segment): string {
  if (typeof segment === "number") return `[${String(segment)}]`;
  return PLAIN_KEY.test(segment) ? `.${segment}` : `[${JSON.stringify(segment)}]`;
}

/**
 * Reads a path. `*` stands for any one key or index.
 * @throws Error when the text is no path
 */
export function parsePath(text: string): Segment[] {
  const path: Segment[] = [];
  SEGMENT.lastIndex = 0;
  while (SEGMENT.lastIndex < text.length) {
    const match = SEGMENT.exec(text);
    if (!match) throw new Error(`path: expected a property path, got ${text}`);
    path.push(toSegment(match));
  }
  return path;
}

function toSegment([, key, index, quoted]: RegExpExecArray): Segment {
  if (quoted !== undefined) return JSON.parse(`"${quoted}"`) as string;
  if (index !== undefined) return index === "*" ? "*" : Number(index);
  return key ?? "";
}

/** True when `prefix` names the path itself or something above it. */
export function covers(prefix: readonly Segment[], path: readonly Segment[]): boolean {
  return (
    prefix.length <= path.length &&
    prefix.every((segment, index) => segment === "*" || String(segment) === String(path[index]))
  );
}
