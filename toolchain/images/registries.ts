/** Decides whether images are pulled from registries or assembled locally, and stores it. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EnvHttpProxyAgent, request } from "undici";
import { Attempts, type Clock, REFUSED_AFTER, systemClock } from "../acquire/attempts.ts";
import { readConnectivity } from "../connectivity.ts";
import type { Environment } from "../directories.ts";
import type { ImageContext } from "./context.ts";
import type { PinnedImage } from "./versions.ts";

const HOUR = 3_600_000;
/** Interval between two checks of the registries, milliseconds. */
const ASKED_AGAIN_AFTER = 24 * HOUR;
/** Registries that once answered count as open until unreachable for this long, milliseconds. */
const CLOSED_AFTER = 7 * 24 * HOUR;

export interface RegistryQuestion {
  env?: Environment;
  /** API roots; all of them have to answer. */
  registries: readonly string[];
  /** For the pauses between two attempts. @default the machine's */
  clock?: Clock;
  /** How long a registry may take to answer, milliseconds. @default 3000 */
  timeout?: number;
  /** The date, milliseconds since 1970. @default the machine's */
  today?: () => number;
}

/** The stored decision. */
interface Decision {
  isOpen: boolean;
  why: string;
  registries: readonly string[];
  /** When the registries were last asked, milliseconds since 1970. */
  askedAt: number;
  /** When they last answered, if ever. */
  answeredAt?: number | undefined;
}

/** The API roots of the images' registries. */
export function toApiRoots(
  images: readonly PinnedImage[],
  context: Pick<ImageContext, "registryMirror">,
): string[] {
  const hosts = images.map(({ name }) => name.split("/")[0] ?? "");
  const roots = hosts.map(toApiRoot);
  const { registryMirror: mirror } = context;
  return mirror === undefined ? [...new Set(roots)].sort() : [mirror.apiRoot];
}

function toApiRoot(host: string): string {
  // Docker Hub's registry has another host name than its images.
  if (host === "docker.io") {
    return "https://registry-1.docker.io/v2/";
  }
  // crane uses plain HTTP for loopback addresses.
  const isOwn = /^(localhost|127\.\d+\.\d+\.\d+)(:\d+)?$/.test(host);
  return `${isOwn ? "http" : "https"}://${host}/v2/`;
}

/**
 * Whether the vendors' images can be pulled: as the environment says, else as the registries
 * answer, which are asked once a day. Pulled and assembled images have different digests, so
 * registries that have answered stay in use until they are unreachable for a week: an unstable
 * network must not change every pod.
 */
export async function areRegistriesOpen(
  context: ImageContext,
  question: RegistryQuestion,
): Promise<boolean> {
  const connectivity = readConnectivity(question.env ?? process.env);
  if (connectivity !== "unknown") {
    return connectivity === "open";
  }
  const { registries, today = Date.now } = question;
  const file = toFile(context.images);
  const read = await readDecision(file);
  const known = String(read?.registries) === String(registries) ? read : undefined;
  if (known && Math.abs(today() - known.askedAt) < ASKED_AGAIN_AFTER) {
    return known.isOpen;
  }
  const decision = decide(await ask(context, question), known, { registries, now: today() });
  if (decision.why !== known?.why) {
    context.report(decision.why);
  }
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.${process.pid}`, JSON.stringify(decision));
  await rename(`${file}.${process.pid}`, file);
  return decision.isOpen;
}

/** Describes the decision in one line for the user. */
export async function describeRegistries(images: string, env: Environment): Promise<string> {
  const connectivity = readConnectivity(env);
  if (connectivity !== "unknown") {
    return `registries: ${connectivity}, as PLONK_OFFLINE=${env["PLONK_OFFLINE"] ?? ""} says`;
  }
  const known = await readDecision(toFile(images));
  if (known === undefined) {
    return "registries: not checked yet";
  }
  const date = new Date(known.askedAt).toISOString();
  return `registries: ${known.isOpen ? "open" : "closed"}, asked ${date}: ${known.why}`;
}

function toFile(images: string): string {
  return join(images, "registries.json");
}

function decide(
  refusal: string | undefined,
  known: Decision | undefined,
  about: { registries: readonly string[]; now: number },
): Decision {
  const { registries, now } = about;
  if (refusal === undefined) {
    const why = "the registries are reachable, so third-party images are the vendors' own";
    return { isOpen: true, why, registries, askedAt: now, answeredAt: now };
  }
  const { answeredAt } = known ?? {};
  if (answeredAt !== undefined && now - answeredAt < CLOSED_AFTER) {
    const until = new Date(answeredAt + CLOSED_AFTER).toISOString().slice(0, 10);
    const why = `unreachable (${refusal}); third-party images stay the vendors' until ${until}`;
    return { isOpen: true, why, registries, askedAt: now, answeredAt };
  }
  const why = `third-party images are assembled locally, as registries are unreachable: ${refusal}`;
  return { isOpen: false, why, registries, askedAt: now };
}

async function readDecision(file: string): Promise<Decision | undefined> {
  try {
    const decision = JSON.parse(await readFile(file, "utf8")) as Partial<Decision>;
    // Earlier versions stored no date.
    return typeof decision.askedAt === "number" ? (decision as Decision) : undefined;
  } catch {
    return undefined;
  }
}

/** Why registries cannot be used; undefined when all of them answer within some seconds. */
async function ask(
  context: ImageContext,
  { registries, clock = systemClock, timeout = 3000 }: RegistryQuestion,
): Promise<string | undefined> {
  const { signal } = context;
  const refusalAt = (registry: string): Promise<string | undefined> =>
    refusalOf(registry, { timeout, signal });
  const attempts = new Attempts(clock);
  for (;;) {
    const refusals = await Promise.all(registries.map(refusalAt));
    signal.throwIfAborted();
    const refusal = refusals.find((each) => each !== undefined);
    if (refusal === undefined) {
      return undefined;
    }
    const pause = attempts.fail(REFUSED_AFTER);
    if (pause === undefined) {
      return refusal;
    }
    await clock.pause(pause, signal);
  }
}

/** Why a registry cannot be used. A proxy's error page does not count, whatever its status. */
async function refusalOf(
  registry: string,
  { timeout, signal }: { timeout: number; signal: AbortSignal },
): Promise<string | undefined> {
  const { host } = new URL(registry);
  const dispatcher = new EnvHttpProxyAgent({ connect: { timeout } });
  try {
    const response = await request(registry, {
      dispatcher,
      signal: AbortSignal.any([AbortSignal.timeout(timeout), signal]),
    });
    await response.body.dump();
    const isRegistry = "docker-distribution-api-version" in response.headers;
    return isRegistry ? undefined : `${host} answers ${response.statusCode} and is no registry`;
  } catch (error) {
    return `${host}: ${causeOf(error, timeout)}`;
  } finally {
    await dispatcher.destroy();
  }
}

function causeOf(error: unknown, timeout: number): string {
  // A host with several addresses gives one error per address.
  const { errors } = error as { errors?: unknown[] };
  const { name, message } = (errors?.[0] ?? error) as Partial<Error>;
  return name === "TimeoutError" ? `no answer in ${timeout / 1000} s` : (message ?? "no answer");
}
