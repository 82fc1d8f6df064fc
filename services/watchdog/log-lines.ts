/** Logs what a process writes. */
import type { Readable } from "node:stream";

/** Longest line of the log, as in of-watchdog. */
const MAX_CHARACTERS = 64 * 1024;

/** But a carriage return at the end, after which a line feed may come. */
const LINE_END = /\r\n|\n|\r(?!$)/;

/** Logs each line of text as it comes; one that is too long in pieces. */
export function logLines(stream: Readable, log: (line: string) => void): void {
  let rest = "";
  const take = (text: string): void => {
    const isEnded = rest.endsWith("\r") || /[\r\n]/.test(text);
    rest += text;
    if (isEnded) {
      const lines = rest.split(LINE_END);
      rest = lines.pop() ?? "";
      lines.forEach((line) => {
        log(logStart(line, log));
      });
    }
    rest = logStart(rest, log);
  };
  stream.setEncoding("utf8").on("data", take);
  stream.once("close", () => {
    if (rest !== "") {
      log(rest.replace(/\r$/, ""));
    }
  });
}

/** Logs all but the last piece of a line, and returns that. */
function logStart(line: string, log: (line: string) => void): string {
  let rest = line;
  while (rest.length > MAX_CHARACTERS) {
    // A character of two code units stays whole.
    const isCut = /[\uD800-\uDBFF]/.test(rest.charAt(MAX_CHARACTERS - 1));
    const length = isCut ? MAX_CHARACTERS - 1 : MAX_CHARACTERS;
    log(rest.slice(0, length));
    rest = rest.slice(length);
  }
  return rest;
}
