/** Short words for raw requests. */

export interface Seed {
  /** What it tries; the CVE class comes first. */
  name: string;
  /** Latin1 text, one character a byte. */
  raw: string;
}

/** A request with these header lines, and whatever follows its head. */
export function raw(line: string, headers: readonly string[], rest = ""): string {
  return `${[line, "Host: h", ...headers].join("\r\n")}\r\n\r\n${rest}`;
}

export function get(path: string, ...headers: string[]): string {
  return raw(`GET ${path} HTTP/1.1`, headers);
}

export function post(headers: readonly string[], rest: string): string {
  return raw("POST /function/x HTTP/1.1", headers, rest);
}

/** A whole request that an attacker wants to slip through. */
export const SMUGGLED = get("/function/x/smuggled");

/** Seeds of one class. */
export function seeds(kind: string, entries: Readonly<Record<string, string>>): Seed[] {
  return Object.entries(entries).map(([name, text]) => ({ name: `${kind}: ${name}`, raw: text }));
}
