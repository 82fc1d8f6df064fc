/** A store document of somebody else's, read when it is asked for and kept for a while. */
import { Agent, type buildConnector, request } from "undici";
import { StoreDocument, toText } from "../../../contract/index.ts";
import { findSchemaMistakes } from "../../../contract/schema-findings.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import { HTTP_1 } from "../../lib/tls-connector.ts";
import { type Failure, failures } from "../errors.ts";
import { type Store, type StoreCopy, toCopy } from "./store-copy.ts";

/** Largest document, bytes: OpenFaaS' own store has some 30 kB. */
const MAX_BYTES = 1024 * 1024;

/** Longest wait for the whole document, milliseconds. */
const TIMEOUT_MS = 5000;

/** How long a document is served before its source is asked again, milliseconds. */
const FRESH_MS = 5 * 60_000;

/** The same after a failure: whoever asks meanwhile gets the last good document, or the failure. */
const RETRY_MS = 30_000;

export interface RemoteStoreOptions {
  url: URL;
  logger: Logger;
  /** @default what Node trusts */
  tls?: buildConnector.BuildOptions;
  /** @default 5000 */
  timeoutMs?: number;
}

/** What the source gave is no store document. Its message is what it was. */
class NoStoreError extends Error {
  override name = "NoStoreError";
}

type StoreAnswer = StoreCopy | { failure: Failure };

export class RemoteStore implements Store {
  readonly #options: RemoteStoreOptions;
  readonly #agent: Agent;
  #last: StoreAnswer | undefined;
  #renewAt = 0;
  #reading: Promise<StoreAnswer> | undefined;

  constructor(options: RemoteStoreOptions) {
    this.#options = options;
    const connect = options.tls ?? {};
    this.#agent = new Agent({ ...HTTP_1, connect, maxResponseSize: MAX_BYTES });
  }

  async read(): Promise<StoreAnswer> {
    if (this.#last !== undefined && performance.now() < this.#renewAt) {
      return this.#last;
    }
    // One question however many wait for the answer.
    this.#reading ??= this.#renew().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #renew(): Promise<StoreAnswer> {
    const { logger, url } = this.#options;
    try {
      this.#last = await this.#fetch();
      this.#renewAt = performance.now() + FRESH_MS;
    } catch (error) {
      logger.warn({ url: url.href, reason: messageOf(error) }, "no store document from its source");
      // The last good one stays.
      this.#last =
        this.#last === undefined || "failure" in this.#last
          ? { failure: toFailure(error) }
          : this.#last;
      this.#renewAt = performance.now() + RETRY_MS;
    }
    return this.#last;
  }

  /** Redirects are not followed: they would lead where nobody has said that it may ask. */
  async #fetch(): Promise<StoreCopy> {
    const { url, timeoutMs = TIMEOUT_MS } = this.#options;
    const { statusCode, body } = await request(url, {
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(timeoutMs),
      dispatcher: this.#agent,
    });
    if (statusCode !== 200) {
      await body.dump();
      throw new NoStoreError(`status ${statusCode}`);
    }
    return toCopy(parseDocument(await body.text()));
  }
}

function parseDocument(text: string): StoreDocument {
  const document = parseJson(text);
  const options = { root: "document", isShown: () => true };
  const [mistake] = findSchemaMistakes(StoreDocument, document, options);
  if (mistake !== undefined) {
    throw new NoStoreError(`one that is not valid: ${toText(mistake)}`);
  }
  return document as StoreDocument;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new NoStoreError("no JSON");
  }
}

/** Why a connection failed has addresses in it, which are for the log alone. */
function toFailure(error: unknown): Failure {
  if (error instanceof NoStoreError) {
    return failures.storeFailed(error.message);
  }
  return (error as NodeJS.ErrnoException).code === "UND_ERR_RES_EXCEEDED_MAX_SIZE"
    ? failures.storeFailed(`more than ${MAX_BYTES} bytes`)
    : failures.storeUnavailable();
}
