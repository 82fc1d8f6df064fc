/**
 * Static files of the pages, each read and compressed once and then served from memory. They are
 * found by their exact path, so that no request reaches the file system. Tags are of the content:
 * files in an image all have the same time, and an index page often keeps its size.
 */
import { readdir, readFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { FastifyReply } from "fastify";
import { failures, HttpError } from "../errors.ts";
import { hasTag, toEntityTag } from "../http/entity-tags.ts";
import { sendPageNotFound } from "../http/text-responses.ts";
import { toPolicy } from "./hooks/security-headers.ts";
import type { SystemApp } from "./types.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
};

/** What is smaller or compressed already gains nothing by it. */
const COMPRESSED = new Set([".css", ".html", ".js", ".json", ".svg"]);
const MIN_COMPRESSED_BYTES = 1024;

/** A name that changes with the content, as Vite gives it. */
const HASHED = /^assets\/.*-[-_A-Za-z0-9]{8}\.[a-z0-9]+$/;

interface Asset {
  type: string;
  cacheControl: string;
  plain: Variant;
  gzipped?: Variant;
}

interface Variant {
  body: Buffer;
  /** Strong, and so not the same for both variants (RFC 9110 §8.8.3). */
  etag: string;
}

export interface AssetOptions {
  /** Path of the page without its last slash, e.g. `/ui`. */
  prefix: string;
  /** Folder with `index.html` and what belongs to it. */
  folder: string;
  /** Where its styles may come from, as in a Content-Security-Policy. */
  styleSources: string[];
}

/** Serves a folder below `prefix`; 503 with a sentence where the folder has not been built. */
export function serveAssets(app: SystemApp, options: AssetOptions): void {
  const { prefix, folder, styleSources } = options;
  // Scripts and requests of this origin only; icons may be data.
  const contentSecurityPolicy = toPolicy({
    "script-src": ["'self'"],
    "style-src": styleSources,
    "img-src": ["'self'", "data:"],
    "connect-src": ["'self'"],
  });
  let loading: Promise<ReadonlyMap<string, Asset>> | undefined;
  const load = (): Promise<ReadonlyMap<string, Asset>> => {
    loading ??= loadAssets(folder).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
  const schema = { hide: true };
  app.get(prefix, { schema }, (_request, reply) => reply.redirect(`${prefix}/`, 301));
  app.route<{ Params: { "*": string } }>({
    method: ["GET", "HEAD"],
    url: `${prefix}/*`,
    schema,
    helmet: { contentSecurityPolicy },
    handler: async (request, reply) => {
      const path = request.params["*"];
      const asset = (await load()).get(path === "" ? "index.html" : path);
      if (asset === undefined) {
        reply.hijack();
        sendPageNotFound(reply.raw);
        return reply;
      }
      return sendAsset(asset, reply);
    },
  });
}

function sendAsset(asset: Asset, reply: FastifyReply): FastifyReply {
  const { headers } = reply.request;
  const isGzipped = asset.gzipped !== undefined && acceptsGzip(headers["accept-encoding"]);
  const { body, etag } = (isGzipped ? asset.gzipped : undefined) ?? asset.plain;
  void reply.headers({ "cache-control": asset.cacheControl, etag });
  if (asset.gzipped !== undefined) {
    void reply.header("vary", "accept-encoding");
  }
  if (hasTag(headers, etag)) {
    return reply.code(304).send();
  }
  if (isGzipped) {
    void reply.header("content-encoding", "gzip");
  }
  return reply.type(asset.type).send(body);
}

/** `gzip;q=0` is a refusal (RFC 9110 §12.5.3). */
function acceptsGzip(header: string | string[] | undefined): boolean {
  return /(?:^|[ ,])gzip(?! *; *q=0(?:\.0*)?(?:$|[ ,]))/i.test(String(header ?? ""));
}

async function loadAssets(folder: string): Promise<ReadonlyMap<string, Asset>> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = found
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, "/"));
  if (!files.includes("index.html")) {
    throw new HttpError(failures.assetsMissing(folder));
  }
  const loaded = files.map(async (file): Promise<[string, Asset]> => [
    file,
    await loadAsset(folder, file),
  ]);
  return new Map(await Promise.all(loaded));
}

async function loadAsset(folder: string, file: string): Promise<Asset> {
  const body = await readFile(join(folder, file));
  const extension = extname(file);
  const isCompressed = COMPRESSED.has(extension) && body.length >= MIN_COMPRESSED_BYTES;
  return {
    type: TYPES[extension] ?? "application/octet-stream",
    // Private: who may see the page is asked by the gateway, not by a shared cache.
    cacheControl: HASHED.test(file) ? "private, max-age=31536000, immutable" : "no-cache",
    plain: { body, etag: toEntityTag(body) },
    ...(isCompressed && {
      gzipped: {
        body: await promisify(gzip)(body, { level: 9 }),
        etag: toEntityTag(body, "-gzip"),
      },
    }),
  };
}
