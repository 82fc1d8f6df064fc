/** `$PLONK_REGISTRY_MIRROR`: a registry that replaces all vendors' registries. */
import type { Environment } from "../directories.ts";
import { ToolchainError } from "../errors.ts";

export interface RegistryMirror {
  /** `host[:port][/path]`, before the vendor's full name: `<prefix>/docker.io/library/nats`. */
  prefix: string;
  /** Without TLS. */
  isPlain: boolean;
  /** URL of its API. */
  apiRoot: string;
}

/** @throws ToolchainError for anything but an http or https URL without user and query. */
export function readRegistryMirror(env: Environment): RegistryMirror | undefined {
  const text = env["PLONK_REGISTRY_MIRROR"] ?? "";
  if (text === "") {
    return undefined;
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isRegistry =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    `${url.username}${url.password}${url.search}${url.hash}` === "";
  if (!isRegistry) {
    // Not quoted: there may be a password in it.
    throw new ToolchainError(
      "argument",
      "PLONK_REGISTRY_MIRROR: expected an http or https URL without user and query " +
        "(log in with `crane auth login`), got something else",
    );
  }
  return {
    prefix: `${url.host}${url.pathname.replace(/\/+$/, "")}`,
    isPlain: url.protocol === "http:",
    apiRoot: `${url.origin}/v2/`,
  };
}
