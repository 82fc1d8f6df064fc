/** The function store, and on what the gateway runs. */
import { ApiError, getJson } from "./http.ts";
import type { StoreDocument, StoreFunction } from "./types.ts";

/** What can be chosen from, and for which platform. */
export interface StoreContent {
  functions: readonly StoreFunction[];
  /** As stores call it, e.g. `x86_64`. */
  platform: string;
}

/** Undefined where the gateway has no store. */
export async function readStore(signal?: AbortSignal): Promise<StoreContent | undefined> {
  try {
    const [{ functions }, { arch }] = await Promise.all([
      getJson<StoreDocument>("/store", signal),
      getJson<{ arch: string }>("/system/info", signal),
    ]);
    return { functions, platform: arch };
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      return undefined;
    }
    throw error;
  }
}
