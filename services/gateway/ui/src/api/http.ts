/** Requests to the gateway's own API; the browser adds the credentials that it was given. */

/** A request that failed, in the gateway's own words. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** Machine-readable, e.g. `PLONK_CONFLICT`. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** An answer that is no failure. @throws ApiError */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("accept", "application/json");
  const response = await fetch(path, { ...init, headers }).catch((error: unknown) => {
    throw init.signal?.aborted === true ? error : unreachable();
  });
  if (!response.ok) {
    throw await toApiError(response);
  }
  return response;
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, signal === undefined ? {} : { signal });
  return (await response.json()) as T;
}

/** Sends JSON; the answer has nothing in it that anybody needs. */
export async function send(method: string, path: string, body: unknown): Promise<void> {
  const headers = { "content-type": "application/json" };
  const response = await request(path, { method, headers, body: JSON.stringify(body) });
  await response.arrayBuffer();
}

function unreachable(): ApiError {
  return new ApiError(0, "NO_ANSWER", "The gateway cannot be reached.");
}

async function toApiError(response: Response): Promise<ApiError> {
  const { status } = response;
  const text = (await response.text().catch(() => "")).trim();
  try {
    const { code, message } = JSON.parse(text) as { code?: string; message?: string };
    return new ApiError(status, code ?? `HTTP_${status}`, message ?? text);
  } catch {
    return new ApiError(status, `HTTP_${status}`, text === "" ? response.statusText : text);
  }
}

/** Anything that was thrown, as something that can be shown. */
export function toError(error: unknown): ApiError {
  if (error instanceof ApiError) {
    return error;
  }
  return new ApiError(0, "UNEXPECTED", error instanceof Error ? error.message : String(error));
}
