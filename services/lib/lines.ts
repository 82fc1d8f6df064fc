/** Splits a byte stream into lines without holding more than one line. */
import { StringDecoder } from "node:string_decoder";

export class LineTooLongError extends Error {
  override name = "LineTooLongError";
}

/**
 * The lines of `source` without line endings; the last line needs none. Throws a LineTooLongError
 * when a line exceeds `maxCharacters`.
 */
export async function* readLines(
  source: AsyncIterable<Buffer | string>,
  maxCharacters = 16 * 1024 * 1024,
): AsyncGenerator<string, void, undefined> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of source) {
    rest += typeof chunk === "string" ? chunk : decoder.write(chunk);
    let start = 0;
    for (let end = rest.indexOf("\n"); end !== -1; end = rest.indexOf("\n", start)) {
      yield rest.slice(start, rest[end - 1] === "\r" ? end - 1 : end);
      start = end + 1;
    }
    rest = rest.slice(start);
    if (rest.length > maxCharacters) {
      throw new LineTooLongError(`line: expected at most ${maxCharacters} characters`);
    }
  }
  rest += decoder.end();
  if (rest !== "") {
    yield rest;
  }
}
