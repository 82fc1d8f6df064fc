/** Decides once whether images come from registries or are assembled here. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EnvHttpProxyAgent, request } from "undici";
import type { Environment } from "../directories.ts";
import type { ImageContext } from "./context.ts";

/** How long a registry may take to answer, milliseconds. */
const TIMEOUT = 3000;

/** The registries of `versions.ts`. */
const REGISTRIES = ["https://registry-1.docker.io/v2/", "https://gcr.io/v2/"];

export interface RegistryQuestion {
  env?: Environment;
  /** API roots, all of which have to answer. @default those of the vendors' images */
  registries?: readonly string[];
}

interface Decision {
  isOpen: boolean;
  why: string;
}

/**
 * Whether nodes can pull the vendors' images. The environment decides where it says something;
 * else the registries are asked, and the answer holds as long as the cache does: the two ways give
 * different digests, so a network that comes and goes must not change every pod.
 */
export async function areRegistriesOpen(
  context: ImageContext,
  question: RegistryQuestion = {},
): Promise<boolean> {
  const forced = fromEnvironment(question.env ?? process.env);
  if (forced) return forced.isOpen;
  const registries = question.registries ?? REGISTRIES;
  const file = join(context.images, "registries.json");
  const known = await readDecision(file);
  if (known) return known.isOpen;
  const decision = await ask(registries, context.signal);
  context.report(decision.why);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.${process.pid}`, JSON.stringify(decision));
  await rename(`${file}.${process.pid}`, file);
  return decision.isOpen;
}

/** A download mirror serves files, not the registry protocol, and says that the rest is closed. */
function fromEnvironment(env: Environment): Decision | undefined {
  const isSet = (name: string): boolean => !["", "0", undefined].includes(env[name]);
  const reason = ["PLONK_OFFLINE", "PLONK_MIRROR"].find(isSet);
  return reason === undefined ? undefined : { isOpen: false, why: `${reason} is set` };
}

async function readDecision(file: string): Promise<Decision | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Decision;
  } catch {
    return undefined;
  }
}

async function ask(registries: readonly string[], signal: AbortSignal): Promise<Decision> {
  const refusals = await Promise.all(registries.map((registry) => refusalOf(registry, signal)));
  const refusal = refusals.find((each) => each !== undefined);
  signal.throwIfAborted();
  return refusal === undefined
    ? { isOpen: true, why: "the registries answer, so nodes pull the vendors' images" }
    : { isOpen: false, why: `assembled here, as no vendor's registry can be reached: ${refusal}` };
}

/** Why a registry cannot be used. A proxy's error page is no registry, whatever its status. */
async function refusalOf(registry: string, signal: AbortSignal): Promise<string | undefined> {
  const { host } = new URL(registry);
  const dispatcher = new EnvHttpProxyAgent({ connect: { timeout: TIMEOUT } });
  try {
    const response = await request(registry, {
      dispatcher,
      signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT), signal]),
    });
    await response.body.dump();
    const isRegistry = "docker-distribution-api-version" in response.headers;
    return isRegistry ? undefined : `${host} answers ${response.statusCode} and is no registry`;
  } catch (error) {
    return `${host}: ${causeOf(error)}`;
  } finally {
    await dispatcher.destroy();
  }
}

function causeOf(error: unknown): string {
  // Several addresses that all fail give one error each.
  const { errors } = error as { errors?: unknown[] };
  const { name, message } = (errors?.[0] ?? error) as Partial<Error>;
  return name === "TimeoutError" ? `no answer in ${TIMEOUT / 1000} s` : (message ?? "no answer");
}
