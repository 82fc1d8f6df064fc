/** Calls of `/system` as clients make them: JSON there, text or JSON back. */
export interface SystemCall {
  /** @default GET, or POST with a body */
  method?: string;
  /** Text is sent as it is, anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
}

export interface SystemAnswer {
  status: number;
  text: string;
  headers: Headers;
}

/** Sends one call; fails after ten seconds. */
export async function callSystem(url: string, call: SystemCall = {}): Promise<SystemAnswer> {
  const { body, method = body === undefined ? "GET" : "POST", headers = {} } = call;
  const response = await fetch(url, {
    method,
    headers,
    body: body === undefined || typeof body === "string" ? (body ?? null) : JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}
