/** Maps as lines that a person edits: `NAME=value`, or `Name: value` for headers. */

/** @throws Error that names the line. */
export function parsePairs(text: string, separator: "=" | ":" = "="): [string, string][] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => {
      const at = line.indexOf(separator);
      const name = line.slice(0, Math.max(at, 0)).trim();
      if (name === "") {
        throw new Error(`Expected a line like name${separator}value, got "${line}".`);
      }
      return [name, line.slice(at + 1).trim()];
    });
}

export function formatPairs(pairs: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(pairs ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join("\n");
}
