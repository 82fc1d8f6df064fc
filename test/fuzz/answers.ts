/** What a server answered over one connection, read strictly (RFC 9112). Bytes are latin1 text. */
import { framingOf, readChunks, readHeaderLines, valuesOf } from "./strict-request.ts";

export interface Answer {
  status: number;
  headers: [name: string, value: string][];
  body: string;
}

export interface Answers {
  /** Final answers; informational ones are left out. */
  answers: Answer[];
  /** How the bytes end. `tunnel`: after a 101. */
  end: "clean" | "tunnel" | "incomplete" | "malformed";
  reason?: string;
}

const STATUS_LINE = /^HTTP\/1\.1 (\d{3}) [\t\x20-\x7e]*$/;

interface Read {
  answer: Answer;
  /** Undefined: the bytes end too early. */
  end: number | undefined;
}

function readBody(text: string, offset: number, answer: Answer): number | undefined {
  const framing = framingOf(answer);
  if (framing === "chunked") {
    return readChunks(text, offset, answer);
  }
  const isUnframed = valuesOf(answer, "content-length").length === 0;
  const length = isUnframed ? text.length - offset : framing;
  answer.body = text.slice(offset, offset + length);
  return answer.body.length === length ? offset + length : undefined;
}

function readAnswer(text: string, offset: number, method: string | undefined): Read | undefined {
  const headEnd = text.indexOf("\r\n\r\n", offset);
  if (headEnd === -1) {
    return undefined;
  }
  const [line = "", ...lines] = text.slice(offset, headEnd).split("\r\n");
  const status = Number(STATUS_LINE.exec(line)?.[1]);
  if (Number.isNaN(status)) {
    throw new Error(`status line ${JSON.stringify(line)}`);
  }
  const answer = { status, headers: readHeaderLines(lines), body: "" };
  const isBodiless = method === "HEAD" || status < 200 || status === 204 || status === 304;
  return { answer, end: isBodiless ? headEnd + 4 : readBody(text, headEnd + 4, answer) };
}

/**
 * Reads the answers to requests with these methods. What follows them answers a request that is
 * not well formed, of which nobody knows whether it was a HEAD: both are fine.
 */
export function readAnswers(text: string, methods: readonly string[]): Answers {
  const read = readAll(text, methods);
  return ["clean", "tunnel"].includes(read.end) || read.answers.length < methods.length
    ? read
    : readAll(text, [...methods, "HEAD"]);
}

function readAll(text: string, methods: readonly string[]): Answers {
  const answers: Answer[] = [];
  let offset = 0;
  while (offset < text.length) {
    let read: Read | undefined;
    try {
      read = readAnswer(text, offset, methods[answers.length]);
    } catch (error) {
      return { answers, end: "malformed", reason: (error as Error).message };
    }
    if (read === undefined) {
      return { answers, end: "incomplete" };
    }
    if (read.answer.status === 101) {
      return { answers, end: "tunnel" };
    }
    if (read.answer.status >= 200) {
      answers.push(read.answer);
    }
    if (read.end === undefined) {
      return { answers, end: "incomplete" };
    }
    offset = read.end;
  }
  return { answers, end: "clean" };
}
