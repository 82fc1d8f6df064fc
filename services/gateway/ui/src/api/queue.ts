/** `/async`: calls that are queued, and dead letters. */
import { getJson, request } from "./http.ts";
import type { AsyncCall, DeadLetterSummary } from "./types.ts";

/** Most that a page shows of each namespace. */
const LIMIT = 50;

/** The oldest calls in a state. */
export async function listCalls(
  namespace: string,
  state: AsyncCall["state"],
  signal?: AbortSignal,
): Promise<AsyncCall[]> {
  return await getJson(toPath("calls", { namespace, state }), signal);
}

/** The newest dead letters. */
export async function listLetters(
  namespace: string,
  signal?: AbortSignal,
): Promise<DeadLetterSummary[]> {
  return await getJson(toPath("dead-letters", { namespace }), signal);
}

function toPath(what: string, query: Record<string, string>): string {
  return `/async/${what}?${new URLSearchParams({ ...query, limit: String(LIMIT) }).toString()}`;
}

/** @throws ApiError with status 409 when it is over already. */
export async function cancelCall({ id }: AsyncCall): Promise<void> {
  await request(`/async/calls/${encodeURIComponent(id)}`, { method: "DELETE" });
}

export async function redriveLetter({ sequence }: DeadLetterSummary): Promise<void> {
  await request(`/async/dead-letters/${sequence}/redrive`, { method: "POST" });
}

export async function removeLetter({ sequence }: DeadLetterSummary): Promise<void> {
  await request(`/async/dead-letters/${sequence}`, { method: "DELETE" });
}
