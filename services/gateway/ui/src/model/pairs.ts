/**
 * Maps as lines that a person edits: `NAME=value`, or `Name: value` for headers. A value with line
 * ends, or with blanks around it, is a JSON text: `NAME="one\ntwo"`.
 */

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
      const value = line.slice(at + 1).trim();
      return [name, separator === "=" ? unquote(value) : value];
    });
}

export function formatPairs(pairs: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(pairs ?? {})
    .map(([name, value]) => `${name}=${quote(value)}`)
    .join("\n");
}

/** Only what would not come back as it is. */
function quote(value: string): string {
  const isPlain = value === value.trim() && !/[\r\n]/.test(value) && unquote(value) === value;
  return isPlain ? value : JSON.stringify(value);
}

function unquote(value: string): string {
  if (!/^".*"$/s.test(value)) {
    return value;
  }
  try {
    return JSON.parse(value) as string;
  } catch {
    return value;
  }
}
