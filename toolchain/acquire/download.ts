/** Downloads a file so that an interrupted download goes on where it stopped. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Dispatcher } from "undici";
import { requireSpace } from "../disk.ts";
import { isDiskFull, toMessage, ToolchainError } from "../errors.ts";
import { Attempts, GIVEN_UP_AFTER } from "./attempts.ts";
import type { Network } from "./network.ts";

const MAX_TEXT_BYTES = 1_000_000;

export interface DownloadRequest {
  url: string;
  /** Folder of the partial and the complete file. */
  directory: string;
  /** A larger file is refused. */
  maxBytes: number;
  onBytes?: (done: number, total: number | undefined) => void;
  signal?: AbortSignal | undefined;
}

interface Part {
  path: string;
  /** Holds the validator with which the server says that the rest is still of the same file. */
  validator: string;
}

function toPart(request: DownloadRequest): Part {
  const digest = createHash("sha256").update(request.url).digest("hex").slice(0, 16);
  const path = join(request.directory, `${digest}-${basename(new URL(request.url).pathname)}`);
  return { path, validator: `${path}.validator` };
}

/** Removes what a download has left, complete or not. */
export async function discardDownload(request: DownloadRequest): Promise<void> {
  const part = toPart(request);
  await rm(part.path, { force: true });
  await rm(part.validator, { force: true });
}

/** How much of the file is there, and whether the server can be asked for the rest. */
async function readPart(part: Part): Promise<{ size: number; validator: string }> {
  const validator = await readFile(part.validator, "utf8").catch(() => "");
  const size = await stat(part.path)
    .then((entry) => entry.size)
    .catch(() => 0);
  return validator === "" || size === 0 ? { size: 0, validator: "" } : { size, validator };
}

interface Content {
  /** Where in the file the content starts. */
  start: number;
  /** Size of the whole file. */
  total: number | undefined;
}

function toContent({ statusCode, headers }: Dispatcher.ResponseData): Content {
  if (statusCode === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(String(headers["content-range"]));
    return range === null
      ? { start: NaN, total: undefined }
      : { start: Number(range[1]), total: Number(range[2]) };
  }
  const length = headers["content-length"];
  return { start: 0, total: typeof length === "string" ? Number(length) : undefined };
}

/** Only a strong validator tells that bytes of two answers belong together (RFC 9110, 13.1.5). */
function toValidator(headers: Dispatcher.ResponseData["headers"]): string {
  const etag = headers["etag"];
  if (typeof etag === "string" && !etag.startsWith("W/")) {
    return etag;
  }
  const modified = headers["last-modified"];
  return etag === undefined && typeof modified === "string" ? modified : "";
}

function toSizeError(request: DownloadRequest, got: string): ToolchainError {
  return new ToolchainError(
    "refused",
    `${request.url}: must have at most ${request.maxBytes} bytes, got ${got}`,
  );
}

/** Counts bytes on their way, and ends a transfer that grows too large. */
function createCounter(request: DownloadRequest, content: Content): Transform {
  let done = content.start;
  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      done += chunk.length;
      request.onBytes?.(done, content.total);
      next(done > request.maxBytes ? toSizeError(request, "more") : null, chunk);
    },
  });
}

/** Adds the content of an answer to what is there. Returns whether the file is complete. */
async function receive(
  response: Dispatcher.ResponseData,
  request: DownloadRequest,
  part: Part,
): Promise<boolean> {
  const content = toContent(response);
  const { start, total = 0 } = content;
  try {
    if (total > request.maxBytes) {
      throw toSizeError(request, String(total));
    }
    await requireSpace(basename(part.path), request.directory, Math.ceil((total - start) / 1e6));
    await writeFile(part.validator, toValidator(response.headers));
  } catch (error) {
    response.body.destroy();
    throw error;
  }
  const file = createWriteStream(part.path, { flags: start === 0 ? "w" : "a" });
  const { signal } = request;
  await pipeline(response.body, createCounter(request, content), file, { signal });
  return total === 0 || (await stat(part.path)).size === total;
}

/** Fetches what is missing. Returns whether the file is complete. */
async function attempt(network: Network, request: DownloadRequest, part: Part): Promise<boolean> {
  const { size, validator } = await readPart(part);
  const headers = size === 0 ? {} : { range: `bytes=${size}-`, "if-range": validator };
  const response = await network.open({ url: request.url, headers, signal: request.signal });
  const isBeyondEnd = response.statusCode === 416;
  const { start } = toContent(response);
  if (!isBeyondEnd && (start === 0 || start === size)) {
    return await receive(response, request, part);
  }
  await response.body.dump();
  if (isBeyondEnd && response.headers["content-range"] === `bytes */${size}`) {
    return true;
  }
  await discardDownload(request);
  return false;
}

/** Whether trying again can help: an interrupted transfer, as against a refusal or a full disk. */
function isInterruption(error: unknown, signal: AbortSignal | undefined): boolean {
  return !(error instanceof ToolchainError) && !isDiskFull(error) && signal?.aborted !== true;
}

/** Pauses after a failure, until there were failures for too long. */
async function pauseOrGiveUp(
  network: Network,
  attempts: Attempts,
  about: { url: string; reason: string; signal: AbortSignal | undefined },
): Promise<void> {
  const pause = attempts.fail(GIVEN_UP_AFTER);
  if (pause === undefined) {
    const seconds = Math.round(attempts.elapsed / 1000);
    throw new ToolchainError(
      "unavailable",
      `${about.url}: could not be downloaded whole for ${seconds} s (${about.reason})`,
    );
  }
  await network.clock.pause(pause, about.signal);
}

/**
 * Returns the path of the complete file. What is there of it from before is kept if the server
 * confirms that it is of the same file. An interruption is followed by a pause and an attempt to go
 * on; there may be any number of them as long as each brings the file further.
 * @throws ToolchainError `refused` when it cannot be had, `unavailable` when it cannot be had whole
 *   now, `disk` when it does not fit.
 */
export async function download(network: Network, request: DownloadRequest): Promise<string> {
  await mkdir(request.directory, { recursive: true });
  const { url, signal } = request;
  const part = toPart(request);
  const attempts = new Attempts(network.clock);
  let most = (await readPart(part)).size;
  for (;;) {
    let reason = "it ended too early";
    try {
      if (await attempt(network, request, part)) {
        return part.path;
      }
    } catch (error) {
      if (!isInterruption(error, signal)) {
        signal?.throwIfAborted();
        throw error;
      }
      reason = toMessage(error);
    }
    const { size } = await readPart(part);
    if (size > most) {
      most = size;
      attempts.reset();
    }
    await pauseOrGiveUp(network, attempts, { url, reason, signal });
  }
}

/** Fetches a small text. */
export async function downloadText(
  network: Network,
  url: string,
  signal?: AbortSignal,
): Promise<string> {
  const attempts = new Attempts(network.clock);
  for (;;) {
    try {
      const response = await network.open({ url, signal });
      return await readText(url, response);
    } catch (error) {
      if (!isInterruption(error, signal)) {
        signal?.throwIfAborted();
        throw error;
      }
      await pauseOrGiveUp(network, attempts, { url, reason: toMessage(error), signal });
    }
  }
}

async function readText(url: string, response: Dispatcher.ResponseData): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_TEXT_BYTES) {
      throw new ToolchainError(
        "refused",
        `${url}: must have at most ${MAX_TEXT_BYTES} bytes, got more`,
      );
    }
  }
  return Buffer.concat(chunks).toString("utf8");
}
