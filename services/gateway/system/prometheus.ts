/** Questions to Prometheus whose answers have one number for each function. */
import { request } from "undici";

interface QueryAnswer {
  data: { result: { metric: { function_name?: string }; value: [number, string] }[] };
}

/** Longest wait for an answer, milliseconds: a page must not hang where Prometheus does. */
const TIMEOUT_MS = 1000;

/**
 * The numbers by `name.namespace`; without those that are no numbers (a quantile of no calls).
 * Throws when Prometheus does not answer within a second, or not with success.
 */
export async function queryByFunction(url: string, query: string): Promise<Map<string, number>> {
  const parameters = new URLSearchParams({ query });
  const { statusCode, body } = await request(`${url}/api/v1/query?${parameters.toString()}`, {
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (statusCode !== 200) {
    await body.dump();
    throw new Error(`Prometheus answered ${statusCode}`);
  }
  const { data } = (await body.json()) as QueryAnswer;
  const entries = data.result.map(
    ({ metric, value }) => [metric.function_name ?? "", Number(value[1])] as const,
  );
  return new Map(entries.filter(([, value]) => Number.isFinite(value)));
}
