/** Downloads a file; an interrupted download resumes where it stopped. */
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
  /** Path of the file with the validator, which tells whether the file on the server changed. */
  validator: string;
}

function toPart(request: DownloadRequest): Part {
  const digest = createHash("sha256").update(request.url).digest("hex").slice(0, 16);
  const path = join(request.directory, `${digest}-${basename(new URL(request.url).pathname)}`);
  return { path, validator: `${path}.validator` };
}

/** Removes the files of a download, complete or partial. */
export async function discardDownload(request: DownloadRequest): Promise<void> {
  const part = toPart(request);
  await rm(part.path, { force: true });
  await rm(part.validator, { force: true });
}

/** Size of the partial file, and its validator if the rest can be requested. */
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

/** Only a strong validator proves that two ranges are of the same file (RFC 9110, 13.1.5). */
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
    `${request.url}: expected at most ${request.maxBytes} bytes, got ${got}`,
  );
}

/** Counts bytes and aborts a transfer that exceeds the limit. */
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

/** Appends the body to the partial file. Returns whether the file is complete. */
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

/** Requests the missing bytes. Returns whether the file is complete. */
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

/** Whether a retry can help: true for an interrupted transfer, not for a refusal or a full disk. */
function isInterruption(error: unknown, signal: AbortSignal | undefined): boolean {
  return !(error instanceof ToolchainError) && !isDiskFull(error) && signal?.aborted !== true;
}

/** Pauses after a failure. @throws ToolchainError when the download has failed for too long */
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
 * Returns the path of the complete file. A partial file is kept if the server confirms that the
 * file has not changed. Interruptions are retried after a pause, any number of times as long as
 * each attempt makes progress.
 * @throws ToolchainError `refused` when the network or the host refuses it, `unavailable` when it
 *   keeps failing, `disk` when it does not fit.
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

/** Downloads a small text into memory. */
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
        `${url}: expected at most ${MAX_TEXT_BYTES} bytes, got more`,
      );
    }
  }
  return Buffer.concat(chunks).toString("utf8");
}
