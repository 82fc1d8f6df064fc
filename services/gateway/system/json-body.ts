/** Bodies as OpenFaaS' clients send them: JSON, whatever their content type says. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { TSchema } from "typebox";
import { failures, HttpError } from "../errors.ts";
import { decodeBody } from "./decode-body.ts";
import { readAsGo } from "./go-json.ts";

/** Longest text in which the place of a mistake is looked for, characters. */
const MAX_SEARCHED = 64 * 1024;

const PREFIX = "body: expected JSON";

/**
 * Reads every body as JSON, by its route's schema as Go's servers do, within the limit of bodies
 * also where it is encoded; a failure names the place and shows nothing of the body.
 */
export function readEveryBodyAsJson(
  app: Pick<
    FastifyInstance,
    "addContentTypeParser" | "addHook" | "getDefaultJsonParser" | "removeAllContentTypeParsers"
  >,
): void {
  app.addHook("preValidation", (request, _reply, done) => {
    const schema = request.routeOptions.schema?.body as TSchema | undefined;
    if (schema !== undefined) {
      request.body = readAsGo(schema, request.body);
    }
    done();
  });
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser("error", "error");
  const parseText = (request: FastifyRequest, text: string, done: ParsedCallback): void => {
    if (text === "") {
      done(new HttpError(failures.badRequest(`${PREFIX}, got nothing`)));
      return;
    }
    void parse(request, text, (error, body) => {
      if (error === null) {
        done(null, body);
      } else {
        done(new HttpError(failures.badRequest(describeJsonError(text))));
      }
    });
  };
  app.addContentTypeParser("*", { parseAs: "buffer" }, (request, body: Buffer, done) => {
    const { bodyLimit: limit } = request.routeOptions;
    const coding = request.headers["content-encoding"];
    decodeBody({ body, coding, limit }, (error, decoded) => {
      if (decoded === undefined) {
        done(error);
      } else {
        parseText(request, toText(decoded), done);
      }
    });
  });
}

type ParsedCallback = (error: Error | null, body?: unknown) => void;

/** Editors and PowerShell write a byte order mark, which is no part of the text (RFC 8259 §8.1). */
function toText(body: Buffer): string {
  return body.toString("utf8").replace(/^\uFEFF/, "");
}

/** One sentence with the place of the first mistake; V8's own message would quote the body. */
export function describeJsonError(text: string): string {
  if (!isWrong(text)) {
    // The parser refuses what JSON allows: keys that reach an object's prototype.
    return `${PREFIX} without the keys __proto__ and constructor.prototype`;
  }
  const position = findMistake(text);
  return position === undefined
    ? `${PREFIX}, got something else`
    : `${PREFIX}, got something else at ${toPlace(text, position)}`;
}

function isWrong(text: string): boolean {
  return messageOf(text) !== undefined;
}

function messageOf(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return (error as SyntaxError).message;
  }
}

/**
 * V8 tells the place for some mistakes only. A text whose beginning of n characters is wrong, and
 * not merely unfinished, has its mistake before n: so the smallest such n is searched.
 */
function findMistake(text: string): number | undefined {
  const told = readPosition(messageOf(text) ?? "");
  if (told !== undefined || text.length > MAX_SEARCHED) {
    return told;
  }
  let [low, high] = [0, text.length + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isUnfinished(text.slice(0, middle))) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return Math.max(low - 1, 0);
}

/** Whether a beginning of a text could still become JSON. */
function isUnfinished(start: string): boolean {
  const message = messageOf(start);
  return (
    message === undefined ||
    message === "Unexpected end of JSON input" ||
    (readPosition(message) ?? -1) >= start.length
  );
}

function readPosition(message: string): number | undefined {
  const digits = / in JSON at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(message)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function toPlace(text: string, position: number): string {
  const lines = text.slice(0, position).split("\n");
  return `line ${lines.length} column ${(lines.at(-1)?.length ?? 0) + 1}`;
}
