/**
 * Pages of other sites that call functions asynchronously (CORS, the Fetch standard §3.3). What is
 * queued has not asked its function, which may have no pod: so the gateway itself answers for it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ANY_ORIGIN } from "../../../contract/index.ts";
import { hasBody } from "../http/request-body.ts";

/** What a page may read of an answer beside its status. */
const EXPOSED = "Location, X-Call-Id, X-Plonk-Code, Idempotency-Replayed, Retry-After";

/** How long a browser need not ask again, seconds: most take no more than a few minutes. */
const MAX_AGE_SECONDS = 600;

/** Whether a browser asks before a page's call, which it makes then. */
export function isPreflight(request: IncomingMessage): boolean {
  const { method, headers } = request;
  return (
    method === "OPTIONS" &&
    headers.origin !== undefined &&
    headers["access-control-request-method"] !== undefined &&
    !hasBody(request)
  );
}

/**
 * Headers by which a browser shows a page the answer to its call, flat; none where no page may
 * call. Credentials of the browser's own are never asked for: the gateway's are for its own page.
 */
export function toCrossOriginHeaders(
  { headers: { origin } }: IncomingMessage,
  origins: readonly string[] | undefined,
): string[] {
  if (origins === undefined) {
    return [];
  }
  const allowed = findAllowed(origin, origins);
  return [
    ...(allowed === undefined
      ? []
      : ["Access-Control-Allow-Origin", allowed, "Access-Control-Expose-Headers", EXPOSED]),
    ...(origins.includes(ANY_ORIGIN) ? [] : ["Vary", "Origin"]),
  ];
}

/**
 * Answers a preflight, where the page's origin may call; false: it may not, and nothing is said.
 *
 * @param own what the gateway says of the call, flat
 */
export function answerPreflight(
  { headers }: IncomingMessage,
  response: ServerResponse,
  { own, origins = [] }: { own: readonly string[]; origins: readonly string[] | undefined },
): boolean {
  const allowed = findAllowed(headers.origin, origins);
  if (allowed === undefined) {
    return false;
  }
  const names = headers["access-control-request-headers"];
  response
    .writeHead(204, [
      ...["Access-Control-Allow-Origin", allowed],
      ...["Access-Control-Allow-Methods", headers["access-control-request-method"] ?? ""],
      ...(names === undefined ? [] : ["Access-Control-Allow-Headers", names]),
      ...["Access-Control-Max-Age", String(MAX_AGE_SECONDS)],
      ...["Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"],
      ...own,
    ])
    .end();
  return true;
}

function findAllowed(origin: string | undefined, origins: readonly string[]): string | undefined {
  if (origin === undefined) {
    return undefined;
  }
  return origins.find((each) => each === ANY_ORIGIN || each === origin);
}
